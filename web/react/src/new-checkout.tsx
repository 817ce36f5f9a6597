import { CheckoutError, Checkout as Client, type SessionParams } from "checkout-sessions";
import { type Configuration, chainOf, tokenOf } from "checkout-sessions/flow";
import { type FormEvent, useId, useMemo, useRef, useState } from "react";
import { translator } from "./messages.js";
import { type CheckoutEvents, type CheckoutLook, SessionCheckout } from "./session-checkout.js";
import { directionOf, typedAmount } from "./text.js";
import { type UseCheckoutOptions, useConfiguration } from "./use-checkout.js";

/** The terms that a page states itself, without a merchant's key. The payer's browser sets the price, so this is for
 * donations and top-ups: what must cost a certain amount is created on a server, with `pricing`. */
export interface NewCheckoutProps extends UseCheckoutOptions, CheckoutEvents, CheckoutLook {
  checkoutSession: Pick<SessionParams, "success_url" | "cancel_url" | "metadata" | "client_reference_id">;
  recipientAddress: string;
  destinationTokenAddress: string;
  destinationTokenChainId: number;
  /** In smallest units. Without it, the payer types an amount. */
  destinationTokenAmount?: string | undefined;
  sessionId?: never;
}

/** Creates a session and its order when the payer goes on, and shows it. */
export function NewCheckout(props: NewCheckoutProps) {
  const [sessionId, setSessionId] = useState<string>();
  const configuration = useConfiguration("new", props);
  const { checkoutSession: _created, recipientAddress, sessionId: _none, ...rest } = props;
  if (sessionId !== undefined) {
    return (
      <SessionCheckout
        {...rest}
        trust={{ recipient: recipientAddress }}
        configuration={configuration}
        sessionId={sessionId}
      />
    );
  }
  return <Start {...props} configuration={configuration} onCreated={setSessionId} />;
}

function Start(props: NewCheckoutProps & { configuration: Configuration | undefined; onCreated(id: string): void }) {
  const { locale = "en", messages, colorScheme = "auto", configuration, destinationTokenAmount } = props;
  const { destinationTokenChainId: chainId, destinationTokenAddress } = props;
  const t = useMemo(() => translator(messages), [messages]);
  const id = useId();
  const [typed, setTyped] = useState("");
  const [problem, setProblem] = useState<string>();
  const [isBusy, setBusy] = useState(false);
  const token = configuration && tokenOf(configuration, chainId, destinationTokenAddress);
  const keys = useRef({ of: "", session: "", order: "" });

  const start = async (amount: string) => {
    // A second try of the same terms continues the first.
    if (keys.current.of !== amount)
      keys.current = { of: amount, session: crypto.randomUUID(), order: crypto.randomUUID() };
    setBusy(true);
    setProblem(undefined);
    try {
      props.onCreated(await create(props, amount, keys.current));
    } catch (error) {
      const isPassing = error instanceof CheckoutError && error.isRetryable;
      const detail = error instanceof Error ? error.message : "";
      setProblem(isPassing ? t("unreachable") : t("refused", { detail }));
    } finally {
      setBusy(false);
    }
  };
  const submit = (event: FormEvent) => {
    event.preventDefault();
    const amount = destinationTokenAmount ?? (token && typedAmount(typed, token.decimals));
    if (amount === undefined || BigInt(amount) === 0n) setProblem(t("amount_invalid"));
    else void start(amount);
  };
  return (
    <section
      className="checkout"
      data-color-scheme={colorScheme}
      data-view="start"
      lang={locale}
      dir={directionOf(locale)}
    >
      <form onSubmit={submit} noValidate>
        {destinationTokenAmount === undefined && token !== undefined && (
          <div className="checkout-field">
            <label htmlFor={id}>
              {t("amount")} ({token.symbol} · {configuration && chainOf(configuration, chainId)?.name})
            </label>
            <input
              id={id}
              inputMode="decimal"
              autoComplete="off"
              value={typed}
              onChange={(event) => setTyped(event.currentTarget.value)}
            />
          </div>
        )}
        <div role="alert">{problem !== undefined && <p className="checkout-problem">{problem}</p>}</div>
        <button type="submit" className="checkout-primary" disabled={isBusy || configuration === undefined}>
          {t("continue")}
        </button>
      </form>
    </section>
  );
}

async function create(
  props: NewCheckoutProps,
  amount: string,
  keys: { session: string; order: string },
): Promise<string> {
  const { baseUrl, fetch, checkoutSession, recipientAddress, destinationTokenAddress, destinationTokenChainId } = props;
  const client = new Client({ baseUrl, fetch });
  const session = await client.sessions.create(checkoutSession, { idempotencyKey: keys.session });
  await client.orders.create(
    {
      checkoutSessionId: session.id,
      type: "swap",
      recipientAddress,
      srcChain: destinationTokenChainId,
      dstChain: destinationTokenChainId,
      srcTokenAddress: destinationTokenAddress,
      dstTokenAddress: destinationTokenAddress,
      srcAmount: amount,
      payload: { expectedDstAmount: amount },
    },
    { idempotencyKey: keys.order },
  );
  return session.id;
}
