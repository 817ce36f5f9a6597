"use client";

import type { Session } from "checkout-sessions";
import { hasExcess, type ViewName } from "checkout-sessions/flow";
import { useEffect, useMemo, useRef } from "react";
import { Choose } from "./choose.js";
import { Countdown } from "./countdown.js";
import { type Messages, translator } from "./messages.js";
import { Facts, Pay } from "./pay.js";
import { CancelLink, ReturnToShop } from "./return-to-shop.js";
import { Summary } from "./summary.js";
import { amountText, directionOf, LanguageContext, useLanguage } from "./text.js";
import { type CheckoutState, type UseCheckoutOptions, useCheckout } from "./use-checkout.js";

export interface CheckoutLook {
  /** A BCP 47 tag; numbers, dates and the direction of the text follow it. */
  locale?: string | undefined;
  /** Texts in another language, or some texts in other words. */
  messages?: Partial<Messages> | undefined;
  colorScheme?: "auto" | "light" | "dark" | undefined;
  /** Whether a complete session leads to its `success_url` by itself: `auto` unless `onComplete` is given. */
  redirect?: "auto" | "manual" | undefined;
}

export interface SessionProps extends UseCheckoutOptions, CheckoutEvents, CheckoutLook {
  sessionId: string;
}

/** Each is called once, and only after the session itself says so. */
export interface CheckoutEvents {
  onProcessing?: ((session: Session) => void) | undefined;
  onComplete?: ((session: Session) => void) | undefined;
  onExpired?: ((session: Session) => void) | undefined;
}

/** Shows a session to its payer and lets them pay. */
export function SessionCheckout(props: SessionProps) {
  const checkout = useCheckout(props.sessionId, props);
  const {
    locale = "en",
    messages,
    colorScheme = "auto",
    onComplete,
    redirect = onComplete ? "manual" : "auto",
  } = props;
  const language = useMemo(
    () => ({ locale, direction: directionOf(locale), t: translator(messages) }),
    [locale, messages],
  );
  useEvents(checkout, props);
  return (
    <LanguageContext.Provider value={language}>
      <section
        className="checkout"
        data-color-scheme={colorScheme}
        data-view={checkout.view.name}
        lang={locale}
        dir={language.direction}
      >
        {checkout.configuration.isLocal && <p className="checkout-local">{language.t("local")}</p>}
        {checkout.isReconnecting && (
          <p role="status" className="checkout-reconnecting">
            {language.t("reconnecting")}
          </p>
        )}
        <Summary display={checkout.session?.display} />
        <Heading checkout={checkout} />
        <Body checkout={checkout} redirect={redirect} />
      </section>
    </LanguageContext.Provider>
  );
}

function useEvents({ session }: CheckoutState, events: CheckoutEvents): void {
  const latest = useRef(events);
  latest.current = events;
  const told = useRef("");
  useEffect(() => {
    if (session === undefined || told.current === `${session.id} ${session.status}`) return;
    told.current = `${session.id} ${session.status}`;
    const { onProcessing, onComplete, onExpired } = latest.current;
    if (session.status === "processing") onProcessing?.(session);
    if (session.status === "complete") onComplete?.(session);
    if (session.status === "expired") onExpired?.(session);
  }, [session]);
}

/** Says what is so. It gets the focus when that changes, so that a screen reader says it. */
function Heading({ checkout: { view } }: { checkout: CheckoutState }) {
  const language = useLanguage();
  const { t } = language;
  const heading = useRef<HTMLHeadingElement>(null);
  const shown = useRef<ViewName>("loading");
  useEffect(() => {
    const isFirst = shown.current === "loading";
    if (shown.current !== view.name && !isFirst) heading.current?.focus();
    shown.current = view.name;
  }, [view.name]);
  const { terms, progress } = view;
  const amount = (value: string) => (terms === undefined ? "" : amountText(value, terms, language));
  const values = {
    amount: amount(progress.due),
    received: amount(String(BigInt(progress.received) + BigInt(progress.pending))),
    total: amount(terms?.amount ?? "0"),
    due: amount(progress.due),
  };
  const text = (
    view.isOnItsWay && view.name === "expired" ? "expired_sent_text" : `${view.name}_text`
  ) as keyof Messages;
  const hasText = !["loading", "choose", "pay"].includes(view.name);
  return (
    <>
      <h1 ref={heading} tabIndex={-1}>
        <ViewIcon name={view.name} />
        {t(view.name, values)}
      </h1>
      {view.name === "pay" && <p className="checkout-on-chain">{terms?.chainName}</p>}
      {hasText && <p role={view.name === "loading" ? "status" : undefined}>{t(text, values)}</p>}
      {hasExcess(view) && (
        <p className="checkout-notice" role="status">
          {t("excess", { excess: amount(progress.excess) })}
        </p>
      )}
    </>
  );
}

function ViewIcon({ name }: { name: ViewName }) {
  if (name !== "complete") return null;
  return (
    <svg className="checkout-done" viewBox="0 0 24 24" width="32" height="32" aria-hidden="true">
      <circle cx="12" cy="12" r="12" fill="currentColor" />
      <path d="m6.5 12.5 3.5 3.5 7.5-8" fill="none" stroke="#fff" strokeWidth="2.5" />
    </svg>
  );
}

function Body({ checkout, redirect }: { checkout: CheckoutState; redirect: "auto" | "manual" }) {
  const { t } = useLanguage();
  const { view, session, configuration, now } = checkout;
  if (session === undefined) return null;
  const { supportUrl } = configuration.brand;
  // In another page, this is a text of the API's host, which must not run as script there.
  const contact = supportUrl !== undefined && /^(https|mailto):/i.test(supportUrl) && (
    <a className="checkout-secondary" href={supportUrl}>
      {t("contact")}
    </a>
  );
  const cancel = (isOver: boolean) => <CancelLink session={session} configuration={configuration} isOver={isOver} />;
  switch (view.name) {
    case "choose":
      return (
        <>
          <Choose checkout={checkout} />
          <Countdown expiresAt={session.expires_at} now={now} />
          {cancel(false)}
        </>
      );
    case "pay":
    case "partial": {
      const canChange =
        session.order_id === null && (view.offers.length > 1 || view.isOpenAmount) && checkout.step === "idle";
      return (
        <>
          {view.terms !== undefined && <Pay checkout={checkout} terms={view.terms} />}
          {canChange && (
            <button type="button" className="checkout-secondary" onClick={() => checkout.choose(undefined)}>
              {t("change")}
            </button>
          )}
          <Countdown expiresAt={session.expires_at} now={now} />
          {cancel(false)}
        </>
      );
    }
    case "confirming":
    case "processing":
      return (
        <>
          <Steps isFinal={view.name === "processing"} />
          <Facts checkout={checkout} />
        </>
      );
    case "complete":
      return (
        <>
          <Facts checkout={checkout} />
          <ReturnToShop session={session} configuration={configuration} isAutomatic={redirect === "auto"} />
          {hasExcess(view) && contact}
        </>
      );
    case "failed":
    case "refunded":
    case "late":
    case "expired_partial":
      return (
        <>
          {view.name === "failed" && session.order?.order.errorDetails != null && (
            <p>{session.order.order.errorDetails}</p>
          )}
          <Facts checkout={checkout} />
          {contact}
          {cancel(true)}
        </>
      );
    case "expired":
    case "not_payable":
      return (
        <>
          {view.name === "not_payable" && checkout.problem?.code === "address_mismatch" && (
            <p role="alert">{t("address_mismatch")}</p>
          )}
          {view.isOnItsWay && <Facts checkout={checkout} />}
          {view.isOnItsWay && contact}
          {cancel(true)}
        </>
      );
    default:
      return null;
  }
}

/** How far a payment is: seen, confirmed, with the shop. */
function Steps({ isFinal }: { isFinal: boolean }) {
  const { t } = useLanguage();
  const steps = [
    { key: "step_seen", state: "done" },
    { key: "step_final", state: isFinal ? "done" : "now" },
    { key: "step_settled", state: isFinal ? "now" : "open" },
  ] as const;
  return (
    <ol className="checkout-steps">
      {steps.map(({ key, state }) => (
        <li key={key} data-state={state} aria-current={state === "now" ? "step" : undefined}>
          {t(key)}
        </li>
      ))}
    </ol>
  );
}
