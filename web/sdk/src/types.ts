import type { components } from "./openapi.js";

type Schemas = components["schemas"];

/** The state of a session: `complete` and `expired` are final. */
export type SessionStatus = Schemas["CheckoutSessionStatus"];
/** What a session is created with. */
export type SessionParams = Schemas["CheckoutSessionRequest"];
/** A session as creating it returns it: redirect templates are unresolved, and there is no order yet. */
export type CreatedSession = Schemas["CheckoutSessionCreated"];
/** A session as reading it returns it. */
export type Session = Schemas["CheckoutSession"];
/** A session with its order beside it. */
export type SessionWithOrder = Schemas["CheckoutSessionWithOrder"];
/** What is to be paid, as a session shows it. */
export type Pricing = Schemas["Pricing"];
/** A chain and a token that a price can be paid in. Amounts are in the token's smallest unit. */
export type Offer = Schemas["Offer"];
/** Text that a checkout page shows. */
export type Display = Schemas["Display"];
/** The terms of a new order. With a priced session, `checkoutSessionId` suffices. */
export type OrderParams = Schemas["OrderRequest"];
/** From whom a payer buys crypto, or by whom a card is charged: `onramp.vendor` of an order. */
export type Vendor = Schemas["OnrampVendor"];
export type Order = Schemas["Order"];
export type OrderWithTransactions = Schemas["OrderWithTransactions"];
/** How far an order is paid. */
export type Payment = Schemas["Payment"];
/** What a relay or an indexer reports of an order. */
export type OrderEvent = Schemas["OrderEvent"];

/** The body of a failure. */
type Failure =
  | Schemas["BadRequestFailure"]
  | Schemas["UnauthorizedFailure"]
  | Schemas["ForbiddenFailure"]
  | Schemas["NotFoundFailure"]
  | Schemas["ConflictFailure"]
  | Schemas["PayloadTooLargeFailure"]
  | Schemas["TooManyRequestsFailure"]
  | Schemas["InternalFailure"]
  | Schemas["UnavailableFailure"];

/** Every code that the API documents. */
export type ApiErrorCode = Failure["error"]["code"];
/** Every type of error that the API documents. */
export type ApiErrorType = Failure["error"]["type"];
