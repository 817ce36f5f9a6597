import { CheckoutError, Checkout as Client, type Session, type SessionParams } from "checkout-sessions";
import { browserAttempts, type Configuration, chainOf, tokenOf } from "checkout-sessions/flow";
import { type FormEvent, useEffect, useId, useMemo, useRef, useState } from "react";
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
  const opened = `checkout-new:${JSON.stringify(termsOf(props))}`;
  const [sessionId, setSessionId] = useState<string>();
  // After the first rendering, which a server does too.
  useEffect(() => setSessionId(reopened(opened)), [opened]);
  const configuration = useConfiguration("new", props);
  const { checkoutSession: _created, recipientAddress, sessionId: _none, ...rest } = props;
  const begin = (id: string) => {
    remember(opened, id);
    setSessionId(id);
  };
  const ended = (tell: CheckoutEvents["onComplete"]) => (session: Session) => {
    remember(opened, undefined);
    tell?.(session);
  };
  if (sessionId !== undefined) {
    return (
      <SessionCheckout
        {...rest}
        onComplete={ended(props.onComplete)}
        onExpired={ended(props.onExpired)}
        trust={{ recipient: recipientAddress }}
        configuration={configuration}
        sessionId={sessionId}
      />
    );
  }
  return <Start {...props} configuration={configuration} onCreated={begin} />;
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
    const of = JSON.stringify([props.checkoutSession, termsOf(props), amount]);
    if (keys.current.of !== of) keys.current = { of, session: crypto.randomUUID(), order: crypto.randomUUID() };
    setBusy(true);
    setProblem(undefined);
    try {
      props.onCreated(await create(props, amount, keys.current));
    } catch (error) {
      const isPassing = error instanceof CheckoutError && error.isRetryable;
      // What was refused stays refused under its keys.
      if (!isPassing) keys.current.of = "";
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

function termsOf(props: NewCheckoutProps) {
  const { baseUrl, recipientAddress, destinationTokenAddress, destinationTokenChainId, destinationTokenAmount } = props;
  return { baseUrl, recipientAddress, destinationTokenAddress, destinationTokenChainId, destinationTokenAmount };
}

/** The session that this tab opened on the same terms and asked a wallet to pay. Without it, a reload would offer to pay
 * the same thing twice. */
function reopened(name: string): string | undefined {
  try {
    const id = window.sessionStorage.getItem(name) ?? undefined;
    return id !== undefined && browserAttempts().read(id) !== undefined ? id : undefined;
  } catch {
    // A server, or a browser that stores nothing.
    return undefined;
  }
}

function remember(name: string, id: string | undefined): void {
  try {
    if (id === undefined) window.sessionStorage.removeItem(name);
    else window.sessionStorage.setItem(name, id);
  } catch {
    // A browser that stores nothing.
  }
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
