import { useEffect, useState } from "react";
import { useLanguage } from "./text.js";

/** The time left by the server's clock. Only the service's own answer ends a session, so this stops at zero. */
export function Countdown({ expiresAt, now }: { expiresAt: string; now(): number }) {
  const { t } = useLanguage();
  const left = () => Math.max(0, Math.ceil((Date.parse(expiresAt) - now()) / 1000));
  const [seconds, setSeconds] = useState(left);
  // biome-ignore lint/correctness/useExhaustiveDependencies: `left` follows from these two
  useEffect(() => {
    const tick = () => setSeconds(left());
    tick();
    const timer = setInterval(tick, 1000);
    return () => clearInterval(timer);
  }, [expiresAt, now]);
  // Screen readers hear two moments and not each second.
  const spoken =
    seconds <= 0 ? "" : seconds <= 60 ? t("one_minute_left") : seconds <= 300 ? t("minutes_left", { minutes: 5 }) : "";
  return (
    <p className="checkout-countdown">
      {t("time_left")}{" "}
      <time role="timer" dateTime={`PT${seconds}S`}>
        {clock(seconds)}
      </time>
      <span role="status" className="checkout-hidden">
        {spoken}
      </span>
    </p>
  );
}

function clock(seconds: number): string {
  const [hours, minutes, rest] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
  const two = (number: number) => String(number).padStart(2, "0");
  return hours > 0 ? `${hours}:${two(minutes)}:${two(rest)}` : `${minutes}:${two(rest)}`;
}
