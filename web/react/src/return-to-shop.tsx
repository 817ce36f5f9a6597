import type { Session } from "checkout-sessions";
import { type Configuration, isAllowedRedirect } from "checkout-sessions/flow";
import { useEffect, useState } from "react";
import { useLanguage } from "./text.js";

const USUAL_SECONDS = 3;

/** Brings the payer of a complete session back to the shop: by a link at once, and after some seconds by itself. */
export function ReturnToShop({
  session,
  configuration,
  isAutomatic,
}: {
  session: Session;
  configuration: Configuration;
  isAutomatic: boolean;
}) {
  const { t } = useLanguage();
  const url = allowed(session.success_url, configuration);
  const { redirect_after: after = USUAL_SECONDS } = session.display ?? {};
  const isCounting = isAutomatic && url !== undefined && after !== null;
  const [seconds, setSeconds] = useState(after ?? 0);
  useEffect(() => {
    if (!isCounting || url === undefined || wasReturned(session.id)) return setSeconds(-1);
    if (seconds > 0) {
      const timer = setTimeout(() => setSeconds(seconds - 1), 1_000);
      return () => clearTimeout(timer);
    }
    if (seconds === 0) {
      noteReturn(session.id);
      window.location.assign(url);
    }
    return undefined;
  }, [isCounting, seconds, session.id, url]);
  if (url === undefined) return null;
  return (
    <>
      {isCounting && seconds > 0 && <p role="status">{t("redirecting", { seconds })}</p>}
      <a className="checkout-primary" href={url}>
        {t("to_shop")}
      </a>
    </>
  );
}

/** Leads back without a payment. It ends nothing: the payer may return. */
export function CancelLink({
  session,
  configuration,
  isOver,
}: {
  session: Session;
  configuration: Configuration;
  isOver: boolean;
}) {
  const { t } = useLanguage();
  const url = allowed(session.cancel_url, configuration);
  if (url === undefined) return null;
  return (
    <a className="checkout-secondary" href={url}>
      {t(isOver ? "back" : "cancel")}
    </a>
  );
}

function allowed(url: string | null, configuration: Configuration): string | undefined {
  return url !== null && isAllowedRedirect(url, configuration) ? url : undefined;
}

/** The browser's back button leads here again. It must not lead away again by itself. */
const RETURNED = "checkout-returned:";

function wasReturned(id: string): boolean {
  try {
    return sessionStorage.getItem(RETURNED + id) !== null;
  } catch {
    return false;
  }
}

function noteReturn(id: string): void {
  try {
    sessionStorage.setItem(RETURNED + id, "1");
  } catch {
    // Blocked: the back button leads to the shop once more.
  }
}
