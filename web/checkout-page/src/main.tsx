import type { Configuration } from "checkout-sessions/flow";
import { type Messages, SessionCheckout } from "checkout-sessions-react";
import { createRoot } from "react-dom/client";
import { Brand } from "./brand.js";

/** Reads a block of JSON that the function wrote into the document. */
function block<T>(id: string): T {
  return JSON.parse(document.getElementById(id)?.textContent ?? "null") as T;
}

const configuration = block<Configuration>("configuration");
const messages = block<Messages>("messages");
const { accent } = configuration.brand;
if (accent !== undefined) applyAccent(accent);

// The id is in the path alone: the document is the same for every session. What stands before the page's own path is the
// service's address, which may have a path too.
const [, service, id = ""] = /^(.*)\/checkout\/([^/]*)/.exec(window.location.href.split(/[?#]/)[0] ?? "") ?? [];
const sessionId = decoded(id);
const locale = document.documentElement.lang;

const root = document.getElementById("checkout");
if (root !== null) {
  createRoot(root).render(
    <>
      <Brand brand={configuration.brand} />
      <SessionCheckout
        sessionId={sessionId}
        baseUrl={service ?? ""}
        configuration={configuration}
        trust="configured"
        locale={locale}
        messages={messages}
        redirect="auto"
      />
    </>,
  );
}

/** An id that is no text is unknown to the service, which says so. */
function decoded(id: string): string {
  try {
    return decodeURIComponent(id);
  } catch {
    return id;
  }
}

/** Sets the operator's colour through the object model, which the policy allows, with text that can be read on it. */
function applyAccent(accent: string): void {
  const [red, green, blue] = [1, 3, 5].map((start) =>
    channel(Number.parseInt(accent.slice(start, start + 2), 16) / 255),
  );
  const luminance = 0.2126 * (red ?? 0) + 0.7152 * (green ?? 0) + 0.0722 * (blue ?? 0);
  // Against the page as a border and a link it needs 4.5 : 1; else the usual colour stays.
  const { style } = document.documentElement;
  if (1.05 / (luminance + 0.05) >= 4.5) {
    style.setProperty("--checkout-accent", accent);
    style.setProperty("--checkout-on-accent", "#fff");
  }
  if ((luminance + 0.05) / (0.0137 + 0.05) >= 4.5) {
    style.setProperty("--checkout-accent-dark", accent);
    style.setProperty("--checkout-on-accent-dark", "#10131a");
  }
}

/** A colour channel in linear light (WCAG 2.2). */
function channel(value: number): number {
  return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
}
