import { type Problem, type Terms, toDecimal, type Wallet } from "checkout-sessions/flow";
import { useEffect, useState } from "react";
import { ByHand } from "./by-hand.js";
import { amountText, type Language, useLanguage } from "./text.js";
import type { CheckoutState } from "./use-checkout.js";

/** What vendors call themselves. */
const NAMES: Record<string, string> = { coinbase: "Coinbase", moonpay: "MoonPay", stripe: "Stripe" };

/** The vendor that charges a card into the shop's own account. The others sell crypto, and have to know the payer. */
const CARD = "stripe-web2";

/** The ways to pay what is due: a wallet in this browser, or any wallet by address. */
export function Pay({ checkout, terms }: { checkout: CheckoutState; terms: Terms }) {
  const language = useLanguage();
  const { t } = language;
  const { view, wallets, step, problem, attempt } = checkout;
  const [used, setUsed] = useState<Wallet>();
  const isPartial = view.name === "partial";
  const pay = (wallet: Wallet, again: boolean) => {
    setUsed(wallet);
    void checkout.pay(wallet, { again });
  };
  // While the order is being created, a second click must not begin anything.
  const isPreparing = step === "checking" || step === "creating_order";
  const buttons = (again: boolean) =>
    wallets.map((wallet) => (
      <button
        key={wallet.id}
        type="button"
        className="checkout-primary"
        disabled={isPreparing}
        onClick={() => pay(wallet, again)}
      >
        {wallet.icon !== undefined && <img src={wallet.icon} alt="" width="24" height="24" />}
        <span>{t(again ? "again" : isPartial ? "pay_rest_with" : "pay_with", { wallet: wallet.name })}</span>
      </button>
    ));
  const sellers = view.vendors.filter((vendor) => vendor !== CARD).map((vendor) => NAMES[vendor] ?? vendor);
  const name = used?.name ?? wallets[0]?.name ?? "";

  return (
    <div className="checkout-pay">
      <div role="status">
        {step !== "idle" && <p className="checkout-step">{t(step, { wallet: name, chain: terms.chainName })}</p>}
        {step === "idle" && attempt !== undefined && view.isPayingAgain && (
          <p className="checkout-step">{t(`attempt_${attempt.state}`)}</p>
        )}
      </div>
      <div role="alert">
        {problem !== undefined && (
          <p className="checkout-problem">{problemText(problem, terms, view.progress.due, language)}</p>
        )}
      </div>
      {view.canPay && (
        <>
          {wallets.length === 0 && view.vendors.length === 0 ? <p>{t("no_wallet")}</p> : buttons(false)}
          {view.vendors.map((vendor) => (
            <button
              key={vendor}
              type="button"
              className="checkout-primary"
              disabled={isPreparing}
              onClick={() => void checkout.buyFrom(vendor)}
            >
              {vendor === CARD
                ? t("pay_by_card")
                : t(checkout.session?.order_id ? "continue_to" : "buy_with", { vendor: NAMES[vendor] ?? vendor })}
            </button>
          ))}
          {sellers.length > 0 && <p className="checkout-hint">{t("vendor_note", { vendor: sellers.join(" / ") })}</p>}
          <AddressPayment checkout={checkout} terms={terms} isOpen={isPartial} />
        </>
      )}
      {view.isPayingAgain && (step === "idle" || step === "asking_wallet") && (
        <details className="checkout-again">
          <summary>{t("retry")}</summary>
          <p>{t("again_warning")}</p>
          {buttons(true)}
          <AddressPayment checkout={checkout} terms={terms} isOpen={false} />
        </details>
      )}
    </div>
  );
}

/** Opens the address and the QR code. Opening creates the order if there is none. */
function AddressPayment({ checkout, terms, isOpen }: { checkout: CheckoutState; terms: Terms; isOpen: boolean }) {
  const { t } = useLanguage();
  const [isWanted, setWanted] = useState(isOpen);
  useEffect(() => {
    if (isOpen) setWanted(true);
  }, [isOpen]);
  if (isWanted && terms.depositAddress !== undefined) {
    return <ByHand terms={terms} due={checkout.view.progress.due} depositAddress={terms.depositAddress} />;
  }
  const show = () => {
    setWanted(true);
    if (terms.depositAddress === undefined) void checkout.showAddress();
  };
  const isPreparing = checkout.step === "checking" || checkout.step === "creating_order";
  return (
    <button type="button" className="checkout-secondary" disabled={isPreparing} onClick={show}>
      {t("pay_by_hand")}
    </button>
  );
}

function problemText(problem: Problem, terms: Terms, due: string, language: Language): string {
  const { t } = language;
  switch (problem.code) {
    case "wrong_chain":
      return t("wrong_chain", { chain: problem.chainName });
    case "too_little":
      return t("too_little", {
        balance: amountText(problem.balance, terms, language),
        due: amountText(due, terms, language),
      });
    case "wallet_failed":
    case "refused":
      return t(problem.code, { detail: problem.detail });
    default:
      return t(problem.code);
  }
}

/** What the payer may want to look up or quote. */
export function Facts({ checkout }: { checkout: CheckoutState }) {
  const { t } = useLanguage();
  const { session, view, configuration } = checkout;
  const reference = session?.client_reference_id ?? session?.id;
  const hash = session?.order?.executeTx?.txHash ?? session?.order?.depositTxs[0]?.txHash;
  // No explorer knows the local chain.
  const explorer = configuration.isLocal ? undefined : view.terms?.explorer;
  const link = hash !== undefined && explorer !== undefined ? explorerUrl(explorer, hash) : undefined;
  return (
    <dl>
      {reference !== undefined && (
        <>
          <dt>{t("reference")}</dt>
          <dd>{reference}</dd>
        </>
      )}
      {view.terms !== undefined && (
        <>
          <dt>{t("amount")}</dt>
          <dd>
            {toDecimal(view.terms.amount, view.terms.token.decimals)} {view.terms.token.symbol} · {view.terms.chainName}
          </dd>
        </>
      )}
      {hash !== undefined && (
        <>
          <dt>{t("transaction")}</dt>
          <dd>
            {link === undefined ? (
              <code dir="ltr">{hash}</code>
            ) : (
              <a href={link} target="_blank" rel="noreferrer">
                {t("explorer")}
              </a>
            )}
          </dd>
        </>
      )}
    </dl>
  );
}

function explorerUrl(explorer: string, hash: string): string | undefined {
  // Both come from elsewhere: only a web address with this path is a link.
  return /^https?:\/\//.test(explorer) ? `${explorer.replace(/\/+$/, "")}/tx/${encodeURIComponent(hash)}` : undefined;
}
