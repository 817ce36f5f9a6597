// The demo shop of `cargo dev --chain`. In a real shop this runs on a server: a browser must never have a secret key. Here the
// key opens a local database alone, and one can read in the page's source what a server does.
import { Checkout } from "checkout-sessions";

const { key = "", recipient = "" } = document.body.dataset;
const checkout = new Checkout({ baseUrl: location.origin, apiKey: key });
const text = (id: string, value: string) => {
  const element = document.getElementById(id);
  if (element !== null) element.textContent = value;
};

const paid = new URLSearchParams(location.search).get("session");
if (paid !== null) {
  text("status", "Looking at the payment…");
  // What the browser says is no proof of a payment. The session's status is.
  checkout.sessions.waitFor(paid).then(
    ({ status }) =>
      text("status", status === "complete" ? "Paid. Your tea is on its way." : `The checkout is ${status}.`),
    (error: Error) => text("status", error.message),
  );
}

document.getElementById("buy")?.addEventListener("click", async () => {
  try {
    const session = await checkout.sessions.create({
      success_url: `${location.origin}/shop?session={SESSION_ID}`,
      cancel_url: `${location.origin}/shop`,
      pricing: { amount: "25.00", currency: "USD", recipient_address: recipient },
      display: {
        title: "Demo order",
        currency: "USD",
        line_items: [{ name: "Oolong 250 g", quantity: 2, amount: "12.50" }],
      },
    });
    if (session.url !== undefined) location.assign(session.url);
  } catch (error) {
    text("status", error instanceof Error ? error.message : String(error));
  }
});
