// A merchant's own page on another origin: session and recipient come from its query.
import { Checkout } from "checkout-sessions-react";
import "checkout-sessions-react/styles.css";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";

const query = new URLSearchParams(location.search);
const [sessionId = "", baseUrl = "", recipient = ""] = ["session", "service", "recipient"].map(
  (name) => query.get(name) ?? undefined,
);
const root = document.createElement("main");
document.body.append(root);
createRoot(root).render(
  <StrictMode>
    <Checkout
      sessionId={sessionId}
      baseUrl={baseUrl}
      verify={{ recipient }}
      onComplete={({ id }) => root.append(`complete ${id}`)}
    />
  </StrictMode>,
);
