// Generated from openapi.yaml by `npm run types -w sdk`.

export interface paths {
    "/checkout-sessions": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List a merchant's checkout sessions
         * @description The sessions that were created with the merchant's API keys, newest first, each as `GET
         *     /checkout-sessions/{sessionId}` shows it. It needs an API key of any role.
         *
         *     The status is evaluated at the moment of the call, so no result contradicts its filter. A call looks at no more than
         *     1,000 sessions: a page may be short or empty while `has_more` is true, and `next_cursor` goes on from there. A session
         *     that was created moments ago may be missing.
         */
        get: operations["listCheckoutSessions"];
        put?: never;
        /**
         * Create a checkout session
         * @description Makes an open session: one database write and no call to anyone else. Every field is optional, but
         *     a body is required (`{}` is fine).
         *
         *     The deadline is `created_at` plus `expires_in`; at that instant and after it the session is
         *     expired for every read and every write. The answer gives `success_url` and `cancel_url` as they
         *     were sent, templates unresolved.
         */
        post: operations["createCheckoutSession"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/checkout-sessions/{sessionId}": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /**
                 * @description The session's id. A malformed id is answered as an unknown one, with 400.
                 * @example 6f1c2a9e-58b4-4d0e-9a37-c2d41f7e8b05
                 */
                sessionId: components["parameters"]["SessionId"];
            };
            cookie?: never;
        };
        /**
         * Retrieve a checkout session
         * @description Reads a session; it never writes. With `include=order` the answer also has `order`: `null` before
         *     there is one, else the object that `GET /orders/{orderId}` gives. Without it the key is absent.
         *     The caller knows the session's id, so it is shown wherever the order holds it.
         *
         *     `success_url` and `cancel_url` come resolved, each judged by itself:
         *
         *     - `{SESSION_ID}` and `{ORDER_ID}` both stand for the session's id (the second is an alias). Every
         *       occurrence is replaced, in path, query and fragment.
         *     - `%7BSESSION_ID%7D` (hex in either case) counts as well. Names are case-sensitive, and any other
         *       `{X}` is left alone.
         *     - If neither occurs, `sessionId=<id>` is added to the query, before any `#`: after `?` if there is
         *       no query, directly if the query is empty or ends with `&`, else after `&`. The rest of the URL is
         *       kept byte for byte.
         *
         *     An unknown id and a malformed one are both 400 `session_not_found`, not 404.
         */
        get: operations["getCheckoutSession"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/checkout-sessions/{sessionId}/expire": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /**
                 * @description The session's id. A malformed id is answered as an unknown one, with 400.
                 * @example 6f1c2a9e-58b4-4d0e-9a37-c2d41f7e8b05
                 */
                sessionId: components["parameters"]["SessionId"];
            };
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Expire an open checkout session
         * @description Ends a session whose status is `open`, whether or not an unpaid order is linked. In the same
         *     atomic write that order becomes `expired`, or `refunding` where something was deposited.
         *
         *     With any other status the answer is 400 `invalid_status_transition`, and so it is if deposits that
         *     cover the order are seen but not final yet: a paid session cannot be called off. An unknown id and
         *     a malformed one are both 400 `session_not_found`. A body is not needed and is ignored.
         */
        post: operations["expireCheckoutSession"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/checkout/{sessionId}": {
        parameters: {
            query?: {
                /**
                 * @description The page's language: `en`, `de`, `fr`, `es`, `pt-BR`, `ja`, `zh-CN` or `ar`. Without it, or with another one, `Accept-Language` decides.
                 * @example de
                 */
                lang?: string;
            };
            header?: never;
            path: {
                /** @description The session's id. The document is the same for all; its script reads the id. */
                sessionId: string;
            };
            cookie?: never;
        };
        /**
         * Open the checkout page
         * @description The page that shows a priced session to its payer and lets them pay. A client that accepts JSON and no HTML gets the page's configuration: brand, chains, tokens and allowed recipients. The service reads no session for it.
         */
        get: operations["getCheckoutPage"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        /**
         * Check the checkout page
         * @description The headers of the page alone, as link checkers ask for them.
         */
        head: operations["headCheckoutPage"];
        patch?: never;
        trace?: never;
    };
    "/orders": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List the orders of a wallet
         * @description The orders that name this wallet as their creator, newest first, each as the `order` of `GET /orders/{orderId}`. With an
         *     API key, the orders of the key's merchant. A call looks at no more than 1,000 orders: a page may be short or empty
         *     while `has_more` is true, and `next_cursor` goes on from there. Without one it is 401, unless the operator opened the history: then
         *     `clientReferenceId`, `onrampMetadata`, `metadata`, `callbackMetadata` and `payload` are `null`.
         */
        get: operations["listOrders"];
        put?: never;
        /**
         * Create an order
         * @description Makes an order, and links it to a session where `checkoutSessionId` names one.
         *
         *     - Routes: source and destination must be the same chain and the same token. If chains are
         *       configured, both must be among them. Any other route is 400 `unsupported_route`, with the field in
         *       `error.param` and what is configured in the message.
         *     - Recipients: the zero address, the order's token and the forwarder factory are refused, and so is
         *       an account that the configuration does not allow (400 `invalid_field_value`).
         *     - Onramp: a `vendor` other than `none` needs a configured provider; without one the answer is 400
         *       `onramp_not_configured`. The vendor must sell the order's token, and the recipient must be one of the
         *       configured `recipients` (400 `invalid_field_value`). No vendor is asked.
         *     - Linking, judged in this order: an unknown or malformed session is 400 `session_not_found`; a
         *       session that is not `open` is 400 `invalid_status_transition`; an open session that has an order
         *       already is 409 `session_already_has_order`, with that order's id in `error.order_id`.
         *     - A refused or failed call uses nothing up. However many calls run at once, one order is made.
         *     - A linked order expires at its session's deadline. An order on its own lives 15 minutes, or 60
         *       with an onramp vendor. If nothing is ever recorded about it, it is removed once the retention
         *       after its deadline is over.
         *     - The caller knows the session's id, so the answer shows it: in `onrampMetadata.redirectUrl`, and
         *       wherever the request held it.
         */
        post: operations["createOrder"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/orders/{orderId}": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /**
                 * @description The order's id. A malformed id is answered as an unknown one, with 404.
                 * @example 52fd547d-4d5a-56fe-8b6c-9ec943c0208d
                 */
                orderId: components["parameters"]["OrderId"];
            };
            cookie?: never;
        };
        /**
         * Retrieve an order and its transactions
         * @description Reads an order with the deposits, relays, executions and refunds that are known of it. An unknown id and a malformed one are both 404 `resource_not_found`. The id of the order's session is a capability that its order's id does not give: `onrampMetadata.redirectUrl` of a linked order is `null`, and `[session id]` replaces the id wherever a text or JSON object holds it.
         */
        get: operations["getOrder"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/orders/{orderId}/pay": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /**
                 * @description The order's id. A malformed id is answered as an unknown one, with 404.
                 * @example 52fd547d-4d5a-56fe-8b6c-9ec943c0208d
                 */
                orderId: components["parameters"]["OrderId"];
            };
            cookie?: never;
        };
        /**
         * Open a payment link
         * @description Sends a person to the onramp vendor that the order names, for what is still due, to the order's deposit address. A browser's navigation is redirected. A prefetch gets 503 and creates nothing, a script's `fetch` 400, and a client without a browser's `Sec-Fetch-` headers a page with one button. A client that accepts JSON and no HTML is told why there is no redirect.
         */
        get: operations["openPaymentLink"];
        put?: never;
        /**
         * Push the button of a payment link
         * @description The button of the page. It does what a browser's navigation to the link does.
         */
        post: operations["continueToVendor"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/webhooks/coinbase": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Take a webhook of Coinbase
         * @description Coinbase calls it. What it says of a purchase is shown beside the order (`onramp`) and decides nothing. A webhook about another purchase of the account is ignored.
         */
        post: operations["recordCoinbaseEvent"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/webhooks/stripe": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Take a webhook of Stripe
         * @description Stripe calls it. A webhook about a card payment only names an order, whose Checkout Sessions are then looked at. What one says of a purchase of crypto is shown beside the order (`onramp`) and decides nothing. A webhook about anything else of the account is ignored.
         */
        post: operations["recordStripeEvent"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/orders/{orderId}/events": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /**
                 * @description The order's id. A malformed id is answered as an unknown one, with 404.
                 * @example 52fd547d-4d5a-56fe-8b6c-9ec943c0208d
                 */
                orderId: components["parameters"]["OrderId"];
            };
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Report a fact about an order
         * @description Records a deposit, a relay transaction, the execution, a failure or a refund.
         *
         *     - Requests are signed as in the Standard Webhooks specification. The signature is checked before
         *       the body is parsed; a missing, wrong or stale one is 401.
         *     - A transaction is known by its kind, chain and hash: reporting it again updates it or changes
         *       nothing, and answers 200. 64 hex digits are one hash with or without `0x`, in any case.
         *     - A deposit that is reported with a `logIndex` is one transfer of its transaction; without it the
         *       report is the transaction's total. The larger of the total and the sum of the transfers counts,
         *       and `depositTxs` has one entry for the transaction.
         *     - The facts decide the status, not the order in which they arrive: any permutation and any
         *       duplication of the same facts ends in the same order.
         *     - No reported deposit is ever lost, whatever state the order is in. Once its session was seen
         *       `expired` or `complete`, later facts are kept on the order and the session stays as it is.
         *     - An unknown order id and a malformed one are both 404 `resource_not_found`.
         *     - The answer is what `GET /orders/{orderId}` gives, without the session's id.
         */
        post: operations["recordOrderEvent"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
}
export type webhooks = Record<string, never>;
export interface components {
    schemas: {
        /**
         * Format: uuid
         * @description A UUID in lower case. It is a capability and cannot be guessed.
         */
        Uuid: string;
        /**
         * Format: date-time
         * @description ISO 8601 in UTC, with milliseconds, ending in `Z`.
         * @example 2026-01-31T12:00:00.000Z
         */
        IsoTimestamp: string;
        /**
         * Format: int64
         * @description Milliseconds since 1970-01-01T00:00:00Z.
         * @example 1769860800000
         */
        EpochMillis: number;
        /**
         * Format: int64
         * @description Milliseconds since 1970-01-01T00:00:00Z. A time before the year 2015 is refused: it is most likely written in seconds.
         * @example 1769860800000
         */
        ReportedMillis: number;
        /**
         * @description A decimal string of an unsigned 256-bit integer, 0 to 2^256 − 1, in the token's smallest unit. No sign, no leading zero, no fraction.
         * @example 5000000
         */
        Amount: string;
        /**
         * @description An `Amount` of at least 1.
         * @example 5000000
         */
        PositiveAmount: string;
        /**
         * @description `0x` and 40 hex digits. Digits in one case only are taken as they are; in mixed case they must satisfy the EIP-55 checksum. As a token, the zero address means the chain's native token; `0xEeee…EEeE` is refused as a token.
         * @example 0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913
         */
        EvmAddress: string;
        /**
         * @description A transaction's hash. Not every chain's hash is `0x` and 64 hex digits. 64 hex digits are one hash with or without `0x`, in any case.
         * @example 0x334fcf7dddab6067091e0703ee7dcd9af8b38beec885c5846acd2ff7960e621a
         */
        TxHash: string;
        /**
         * Format: int64
         * @description A chain id, such as 8453 for Base.
         * @example 8453
         */
        ChainId: number;
        /** @description Points that the order earned, as reported, in at most 64 characters. */
        Points: number;
        /**
         * @description An absolute `http` or `https` URL with a host, without user info and without control characters. Its path, query and fragment may hold the template variables `{SESSION_ID}` and `{ORDER_ID}`.
         * @example https://shop.example/thanks?session={SESSION_ID}
         */
        RedirectUrl: ((string & (unknown & unknown)) | null) & (unknown & unknown);
        /**
         * @description The redirect URL with its template variables replaced by the session's id, or with `sessionId=<id>` added to the query where it has none. `null` where none was given.
         * @example https://shop.example/thanks?session=6f1c2a9e-58b4-4d0e-9a37-c2d41f7e8b05
         */
        ResolvedRedirectUrl: string | null;
        /** @description The merchant's own JSON object, given back unchanged: nesting, `null`, Unicode, key order, and the digits of numbers as they were written. `{}` where none was given. */
        SessionMetadata: Record<string, unknown>;
        /** @description The merchant's own reference for the session. */
        SessionClientReferenceId: string | null;
        /**
         * @description - `open`: waits for an order, or for deposits that cover it.
         *     - `processing`: deposits covered the order in time.
         *     - `complete`: the order was executed. Terminal.
         *     - `expired`: past the deadline or ended by call, or the order failed or was refunded. Terminal.
         * @enum {string}
         */
        CheckoutSessionStatus: "open" | "processing" | "complete" | "expired";
        /**
         * @description The kind of order. An unknown one is refused, and the refusal lists what is known.
         * @enum {string}
         */
        OrderType: "swap";
        /**
         * @description The first of these that fits:
         *
         *     - `executed`: an execute transaction is known.
         *     - `refunded`: a successful refund is known, and the deposits less the successful refunds fall
         *       short of `srcAmount`. A refund of an excess changes nothing.
         *     - `failure`: a failure was reported.
         *     - `executing`, or `relay` once a relay transaction is known: deposits reached `srcAmount` before
         *       the deadline and before any expire call.
         *     - `refunding`: past the deadline or expired by call, and something was deposited.
         *     - `expired`: past the deadline or expired by call, and nothing was deposited.
         *     - `waiting_stripe_payment` (onramp vendor `stripe-web2`), else `scanning_deposit_transaction`: not
         *       fully paid yet, deposits that fall short included.
         * @enum {string}
         */
        OrderStatus: "scanning_deposit_transaction" | "waiting_stripe_payment" | "executing" | "relay" | "executed" | "expired" | "refunding" | "refunded" | "failure";
        /**
         * @description How far a relay transaction has come.
         * @enum {string}
         */
        RelayStatus: "pending" | "success" | "failure" | "refund" | "delayed" | "waiting";
        /**
         * @description Whether the refund reached the payer.
         * @enum {string}
         */
        RefundStatus: "success" | "failure";
        /**
         * @description Who sells the payer the tokens. Any but `none` needs a configured provider.
         * @enum {string}
         */
        OnrampVendor: "coinbase" | "stripe" | "stripe-web2" | "moonpay" | "none";
        /** @description Any JSON object, at most 16 KiB of JSON text. */
        JsonObject: Record<string, unknown>;
        CheckoutSessionRequest: {
            /** @description Where the payer goes after paying: an absolute `http` or `https` URL, which may hold template variables. */
            success_url?: components["schemas"]["RedirectUrl"];
            /** @description Where the payer goes on giving up. The same rules as for `success_url`. */
            cancel_url?: components["schemas"]["RedirectUrl"];
            /** @description Any JSON object, at most 16 KiB of JSON text. It is given back unchanged: nesting, `null`, Unicode, key order, and the digits of numbers as they were written. */
            metadata?: Record<string, unknown> | null;
            client_reference_id?: components["schemas"]["SessionClientReferenceId"];
            /**
             * @description Seconds until the session expires.
             * @default 1800
             */
            expires_in?: number | null;
            pricing?: components["schemas"]["PricingRequest"] | null;
            display?: components["schemas"]["DisplayRequest"] | null;
            /** @description As `metadata`, but returned to the merchant's keys alone. It needs a secret API key (401 `key_missing`). */
            private_metadata?: Record<string, unknown> | null;
        };
        /**
         * @description What is to be paid, and to whom. It needs a secret API key (401 `key_missing`). An order can link to the session
         *     only if it pays the price. Unknown fields are refused, so that a misspelt name does not fall back to a default.
         *
         *     The short form is `amount` and `currency`: it becomes one offer for each configured token that stands for this
         *     currency. The long form lists the offers in `accepts`.
         */
        PricingRequest: {
            mode?: components["schemas"]["PriceMode"];
            /** @description Who is paid by offers that name no other recipient. The default is the chain's only configured recipient. */
            recipient_address?: components["schemas"]["EvmAddress"] | null;
            /** @description The offers; the first is the default. Each chain and token occurs once. */
            accepts?: components["schemas"]["OfferRequest"][] | null;
            /**
             * @description The price in the currency, as decimal text. Nothing is rounded: more fraction digits than a token has are refused. Excludes `accepts`.
             * @example 25.00
             */
            amount?: string | null;
            /**
             * @description An ISO 4217 code. No exchange rate is used.
             * @example USD
             */
            currency?: string | null;
        };
        OfferRequest: {
            chain_id: components["schemas"]["ChainId"];
            token_address: components["schemas"]["EvmAddress"];
            /** @description The price in the token's smallest unit; with `at_least` the smallest amount. */
            amount: components["schemas"]["PositiveAmount"];
            recipient_address?: components["schemas"]["EvmAddress"] | null;
            /** @description The largest amount; only with `at_least`. */
            max_amount?: components["schemas"]["PositiveAmount"] | null;
            /** @description The amount that a page proposes; only with `at_least`. */
            suggested_amount?: components["schemas"]["PositiveAmount"] | null;
        };
        /**
         * @description `exact`: the payer pays `amount`. `at_least`: the payer chooses an amount from `amount` to `max_amount`.
         * @default exact
         * @enum {string|null}
         */
        PriceMode: "exact" | "at_least" | null;
        /** @description What is to be paid, the short form expanded. Present if the session is priced. */
        Pricing: {
            /** @enum {string} */
            mode: "exact" | "at_least";
            accepts: components["schemas"]["Offer"][];
        };
        Offer: {
            chain_id: components["schemas"]["ChainId"];
            token_address: components["schemas"]["EvmAddress"];
            recipient_address: components["schemas"]["EvmAddress"];
            amount: components["schemas"]["PositiveAmount"];
            max_amount?: components["schemas"]["PositiveAmount"];
            suggested_amount?: components["schemas"]["PositiveAmount"];
        };
        /** @description What a checkout page shows: text of the merchant's, at most 8 KiB in all, and never computed with. It needs a secret API key (401 `key_missing`). */
        DisplayRequest: {
            title?: string | null;
            description?: string | null;
            /** @description A BCP 47 language tag, or `auto`. */
            locale?: string | null;
            currency?: string | null;
            /** @description After how many seconds the page goes back to the shop; `null` for a click only. */
            redirect_after?: number | null;
            line_items?: {
                name: string;
                /** @default 1 */
                quantity?: number | null;
                /** @description What one of it costs, as decimal text. It is not compared with the price. */
                amount?: string | null;
            }[] | null;
        };
        Display: {
            title?: string;
            description?: string;
            locale?: string;
            currency?: string;
            redirect_after?: number | null;
            line_items?: {
                name: string;
                quantity: number;
                amount?: string;
            }[];
        };
        /**
         * @description An order of a priced session may leave out what the price says: `{ "checkoutSessionId": id }` is enough if the
         *     session has one offer. Otherwise `srcChain` and `srcTokenAddress` select it. The defaults are `swap`, the offer's
         *     recipient, chain, token and amount, the source as destination, and `srcAmount` as `payload.expectedDstAmount`.
         *     With `at_least` the payer chooses `srcAmount`. Fields that are given must agree with the offer (400
         *     `order_terms_mismatch`). Every other order needs all of these fields.
         */
        OrderRequest: {
            type?: components["schemas"]["OrderType"];
            /** @description Who gets the money. No one else can. The zero address, the order's token and the forwarder factory are refused. */
            recipientAddress?: components["schemas"]["EvmAddress"];
            srcChain?: components["schemas"]["ChainId"];
            /** @description Must be `srcChain`, else the answer is 400 `unsupported_route`. */
            dstChain?: components["schemas"]["ChainId"];
            srcTokenAddress?: components["schemas"]["EvmAddress"];
            /** @description Must be `srcTokenAddress`, else the answer is 400 `unsupported_route`. */
            dstTokenAddress?: components["schemas"]["EvmAddress"];
            /** @description What the payer is to deposit, 1 to 2^256 − 1. */
            srcAmount?: components["schemas"]["PositiveAmount"];
            /** @description What depends on `type`. For `swap`, the amount that the recipient is to get: at most `srcAmount`, because source and destination are the same token. */
            payload?: {
                expectedDstAmount: components["schemas"]["Amount"];
            };
            /** @description Display data such as `{srcToken, dstToken}`, at most 16 KiB of JSON text, given back unchanged. */
            metadata?: Record<string, unknown> | null;
            onramp?: components["schemas"]["OnrampRequest"] | null;
            /** @description Whose wallet made the order; kept and given back. */
            creatorAddress?: string | null;
            /** @description Through whom the order came; kept and given back. */
            partnerId?: string | null;
            /** @description Any JSON object, at most 16 KiB of JSON text, kept and given back. Where `checkoutSessionId` is absent, a UUID under the key `checkoutSessionId` in here counts instead. */
            callbackMetadata?: Record<string, unknown> | null;
            /** @description The caller's own reference for the order. */
            clientReferenceId?: string | null;
            /**
             * Format: uuid
             * @description The open session that this order is to pay.
             */
            checkoutSessionId?: string | null;
        };
        /** @description How the payer buys the tokens. An empty string counts as absent. For an order that pays a session, `redirectUrl` is not used: the session's resolved `success_url` takes its place. */
        OnrampRequest: {
            vendor: components["schemas"]["OnrampVendor"];
            /** @description The vendor's name for the way of paying. */
            paymentMethod?: string | null;
            /** @description Another spelling of `paymentMethod`. */
            payment_method?: string | null;
            /** @description The payer's country. */
            country?: string | null;
            /** @description Where the vendor sends the payer afterwards, an `http` or `https` URL. */
            redirectUrl?: components["schemas"]["RedirectUrl"] | "";
        };
        /** @description A fact about an order. `type` tells what `data` holds. */
        OrderEvent: components["schemas"]["DepositDetectedEvent"] | components["schemas"]["RelayUpdatedEvent"] | components["schemas"]["OrderExecutedEvent"] | components["schemas"]["OrderFailedEvent"] | components["schemas"]["RefundUpdatedEvent"];
        /** @description Tokens arrived at the order's deposit address. */
        DepositDetectedEvent: {
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            type: "deposit.detected";
            data: {
                chain: components["schemas"]["ChainId"];
                /** @description Who sent it, in the chain's own notation. An empty string counts as absent. */
                from?: string | null;
                txHash: components["schemas"]["TxHash"];
                /**
                 * Format: int64
                 * @description The position of the transfer's log. With it the report is this one transfer, without it the total of the transaction.
                 */
                logIndex?: number | null;
                amount: components["schemas"]["Amount"];
                createdAt: components["schemas"]["ReportedMillis"];
            };
        };
        /** @description A relay transaction was made or changed its status. */
        RelayUpdatedEvent: {
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            type: "relay.updated";
            data: {
                chain: components["schemas"]["ChainId"];
                txHash: components["schemas"]["TxHash"];
                status: components["schemas"]["RelayStatus"];
                createdAt: components["schemas"]["ReportedMillis"];
            };
        };
        /** @description The recipient was paid. */
        OrderExecutedEvent: {
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            type: "order.executed";
            data: {
                chain: components["schemas"]["ChainId"];
                txHash: components["schemas"]["TxHash"];
                createdAt: components["schemas"]["ReportedMillis"];
                /** @description What the recipient got. */
                actualDstAmount?: components["schemas"]["Amount"] | null;
                /** @description What the relay provider said of it; any JSON object, at most 16 KiB of JSON text. */
                relay?: components["schemas"]["JsonObject"] | null;
                points?: components["schemas"]["Points"] | null;
            };
        };
        /** @description The order cannot be executed. */
        OrderFailedEvent: {
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            type: "order.failed";
            data: {
                /** @description Why, for people to read. It becomes the order's `errorDetails`. */
                errorDetails: string;
            };
        };
        /** @description A refund succeeded or failed. */
        RefundUpdatedEvent: {
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            type: "refund.updated";
            data: {
                chain: components["schemas"]["ChainId"];
                txHash: components["schemas"]["TxHash"];
                amount: components["schemas"]["Amount"];
                status: components["schemas"]["RefundStatus"];
                createdAt: components["schemas"]["ReportedMillis"];
            };
        };
        /** @description Who sent the deposit, in the chain's own notation; `null` where it is not known. */
        DepositSender: string | null;
        CheckoutSessionCreated: {
            id: components["schemas"]["Uuid"];
            /** @constant */
            status: "open";
            /** @description The URL as it was given, templates unresolved, or `null`. */
            success_url: components["schemas"]["RedirectUrl"];
            /** @description The URL as it was given, templates unresolved, or `null`. */
            cancel_url: components["schemas"]["RedirectUrl"];
            metadata: components["schemas"]["SessionMetadata"];
            expires_at: components["schemas"]["IsoTimestamp"];
            created_at: components["schemas"]["IsoTimestamp"];
            pricing?: components["schemas"]["Pricing"];
            /** @description What a checkout page shows, as it was given. Present if the session is priced. */
            display?: components["schemas"]["Display"] | null;
            /**
             * Format: uri
             * @description The checkout page, in the language of `display.locale`. Present if the session is priced.
             */
            url?: string;
        };
        CheckoutSession: {
            id: components["schemas"]["Uuid"];
            status: components["schemas"]["CheckoutSessionStatus"];
            success_url: components["schemas"]["ResolvedRedirectUrl"];
            cancel_url: components["schemas"]["ResolvedRedirectUrl"];
            metadata: components["schemas"]["SessionMetadata"];
            /** @description The order that pays this session, or `null` before there is one. */
            order_id: components["schemas"]["Uuid"] | null;
            client_reference_id: components["schemas"]["SessionClientReferenceId"];
            expires_at: components["schemas"]["IsoTimestamp"];
            created_at: components["schemas"]["IsoTimestamp"];
            pricing?: components["schemas"]["Pricing"];
            /** @description What a checkout page shows, as it was given. Present if the session is priced. */
            display?: components["schemas"]["Display"] | null;
            /**
             * Format: uri
             * @description The checkout page, in the language of `display.locale`. Present if the session is priced.
             */
            url?: string;
            /** @description The merchant's own JSON object, as it was given. Shown to the merchant's keys alone. */
            private_metadata?: Record<string, unknown>;
        };
        /** @description A session as `include=order` gives it. */
        CheckoutSessionWithOrder: {
            id: components["schemas"]["Uuid"];
            status: components["schemas"]["CheckoutSessionStatus"];
            success_url: components["schemas"]["ResolvedRedirectUrl"];
            cancel_url: components["schemas"]["ResolvedRedirectUrl"];
            metadata: components["schemas"]["SessionMetadata"];
            /** @description The order that pays this session, or `null` before there is one. */
            order_id: components["schemas"]["Uuid"] | null;
            client_reference_id: components["schemas"]["SessionClientReferenceId"];
            expires_at: components["schemas"]["IsoTimestamp"];
            created_at: components["schemas"]["IsoTimestamp"];
            pricing?: components["schemas"]["Pricing"];
            /** @description What a checkout page shows, as it was given. Present if the session is priced. */
            display?: components["schemas"]["Display"] | null;
            /**
             * Format: uri
             * @description The checkout page, in the language of `display.locale`. Present if the session is priced.
             */
            url?: string;
            /** @description The merchant's own JSON object, as it was given. Shown to the merchant's keys alone. */
            private_metadata?: Record<string, unknown>;
            /** @description What `GET /orders/{orderId}` gives, or `null` before there is an order. */
            order: components["schemas"]["OrderWithTransactions"] | null;
        };
        Order: {
            id: components["schemas"]["Uuid"];
            type: components["schemas"]["OrderType"];
            /** @description Who gets the money. */
            recipientAddress: components["schemas"]["EvmAddress"];
            /** @description The deposit address, unique to the order. It is the CREATE2 address of a minimal proxy bound to the order and its recipient: anyone may trigger a sweep, but all of its money can only go to `recipientAddress`. Nothing needs to exist on chain before the payer pays. */
            globalAddress: components["schemas"]["EvmAddress"];
            srcChain: components["schemas"]["ChainId"];
            dstChain: components["schemas"]["ChainId"];
            srcTokenAddress: components["schemas"]["EvmAddress"];
            dstTokenAddress: components["schemas"]["EvmAddress"];
            srcAmount: components["schemas"]["PositiveAmount"];
            status: components["schemas"]["OrderStatus"];
            /** @description Why the order failed, where a failure was reported. */
            errorDetails: string | null;
            createdAt: components["schemas"]["EpochMillis"];
            /** @description The order's deadline: its session's, or for an order on its own 15 minutes after `createdAt`, 60 with an onramp vendor. */
            expiredAt: components["schemas"]["EpochMillis"];
            /** @description When the order was executed. */
            filledAt: components["schemas"]["EpochMillis"] | null;
            /** @description When the deposits came to cover `srcAmount`, by their own times; `null` while they fall short. */
            receivedDepositAt: components["schemas"]["EpochMillis"] | null;
            creatorAddress: string | null;
            partnerId: string | null;
            clientReferenceId: string | null;
            onrampMetadata: components["schemas"]["OnrampMetadata"] | null;
            /**
             * Format: uri
             * @description The order's payment link, `/orders/{orderId}/pay`, if the order names an onramp vendor. It never changes.
             */
            oneClickBuyUrl: string | null;
            /** @description Stripe's id of the card payment that pays the order, or of the newest one. */
            stripePaymentIntentId: string | null;
            settlement: components["schemas"]["Settlement"] | null;
            /** @description Reserved; `null` today. */
            fee: null;
            /** @description What depends on `type`. For `swap`, the amount that the recipient is to get. `null` only in a list that callers without an API key are shown. */
            payload: {
                expectedDstAmount: components["schemas"]["Amount"];
            } | null;
            /** @description The display data as it was given, with the session's id hidden as in `callbackMetadata`. */
            metadata: Record<string, unknown> | null;
            /** @description The callback data as it was given. A reader of the order by its own id sees `[session id]` in place of the id of its session. */
            callbackMetadata: Record<string, unknown> | null;
        };
        /** @description What the onramp vendor said last of a purchase, if it said anything. It decides nothing. */
        VendorReport: {
            vendor: components["schemas"]["OnrampVendor"];
            /** @enum {string} */
            status: "created" | "in_progress" | "failed" | "succeeded";
            /** @description Why it failed, in the vendor's words. */
            reason: string | null;
            /** @description When the vendor said so, in milliseconds since 1970. */
            updatedAt: number;
        };
        CardPayment: {
            /** Format: uuid */
            orderId: string;
            /** @constant */
            provider: "stripe";
            paymentIntentId: string;
            /** @description What was charged, in hundredths of the currency. */
            amount: number;
            currency: string;
            /** @enum {string} */
            status: "pending" | "failed" | "succeeded";
            /** @description Whether it pays the order. It is `false` of a payment that came late or is not needed. */
            counts: boolean;
            refundedAmount: number;
            isDisputed: boolean;
            /** @description When the card was charged, in milliseconds since 1970. */
            createdAt: number;
        };
        OrderWithTransactions: {
            order: components["schemas"]["Order"];
            /** @description The deposits in the order of their times, one entry for each transaction: `txHash` is distinct on each chain. Beyond 5,000, or if a response would come near 6 MB, only the first are listed. */
            depositTxs: components["schemas"]["DepositTx"][];
            /** @description How many deposits there are. Present only if `depositTxs` does not list all of them. */
            depositTxCount?: number;
            relayTxs: components["schemas"]["RelayTx"][];
            onramp?: components["schemas"]["VendorReport"];
            /** @description What Stripe says of the order's card payments, if there are any. */
            cardPayments?: components["schemas"]["CardPayment"][];
            executeTx: components["schemas"]["ExecuteTx"] | null;
            refundTxs: components["schemas"]["RefundTx"][];
            /** @description Points that the order earned, as reported; `null` until executed. */
            points: components["schemas"]["Points"] | null;
            payment?: components["schemas"]["Payment"];
        };
        /** @description How far an order is paid whose deposits this service looks for on the chain itself. Absent where nothing was seen, and where exactly what was asked for counts and came in time. */
        Payment: {
            /** @description What counts. */
            receivedAmount: components["schemas"]["Amount"];
            /** @description What was seen, and counts once its block is final. */
            pendingAmount: components["schemas"]["Amount"];
            /** @description What is missing, should all that is pending come to count. */
            dueAmount: components["schemas"]["Amount"];
            /** @description What was paid beyond what was asked for. */
            excessAmount: components["schemas"]["Amount"];
            /** @description Whether it came after the session could be seen `expired`; the recipient gets it all the same. */
            isLate: boolean;
        };
        DepositTx: {
            orderId: components["schemas"]["Uuid"];
            chain: components["schemas"]["ChainId"];
            from: components["schemas"]["DepositSender"];
            txHash: components["schemas"]["TxHash"];
            /** @description All transfers of the transaction together. */
            amount: components["schemas"]["Amount"];
            createdAt: components["schemas"]["EpochMillis"];
        };
        RelayTx: {
            orderId: components["schemas"]["Uuid"];
            chain: components["schemas"]["ChainId"];
            txHash: components["schemas"]["TxHash"];
            status: components["schemas"]["RelayStatus"];
            createdAt: components["schemas"]["EpochMillis"];
        };
        ExecuteTx: {
            orderId: components["schemas"]["Uuid"];
            chain: components["schemas"]["ChainId"];
            txHash: components["schemas"]["TxHash"];
            createdAt: components["schemas"]["EpochMillis"];
        };
        RefundTx: {
            orderId: components["schemas"]["Uuid"];
            chain: components["schemas"]["ChainId"];
            txHash: components["schemas"]["TxHash"];
            amount: components["schemas"]["Amount"];
            status: components["schemas"]["RefundStatus"];
            createdAt: components["schemas"]["EpochMillis"];
        };
        /** @description The onramp that was asked for. For an order that pays a session, `redirectUrl` is the session's resolved `success_url` in the answers to who knows the session, and `null` in all others. */
        OnrampMetadata: {
            vendor: components["schemas"]["OnrampVendor"];
            paymentMethod: string | null;
            country: string | null;
            redirectUrl: string | null;
            /** @description What a card is charged for the whole order, in hundredths of the currency. Of card payments only. */
            stripeAmountInCents?: number;
        };
        /** @description How the order was settled. A key is absent where nothing was reported for it. */
        Settlement: {
            /** @description What the recipient got. */
            actualDstAmount?: components["schemas"]["Amount"];
            /** @description What the relay provider said of it. */
            relay?: components["schemas"]["JsonObject"];
        };
        CheckoutSessionList: {
            success: components["schemas"]["Succeeded"];
            /** @constant */
            message: "Checkout sessions retrieved";
            data: components["schemas"]["CheckoutSession"][];
            statusCode: components["schemas"]["StatusOk"];
            /** @constant */
            object: "list";
            /** @description Whether the list goes on. */
            has_more: boolean;
            /** @description What continues the list, or `null` at its end. */
            next_cursor: string | null;
            /** @constant */
            url: "/checkout-sessions";
        };
        OrderList: {
            success: components["schemas"]["Succeeded"];
            /** @constant */
            message: "Get orders by creator successfully";
            data: components["schemas"]["Order"][];
            statusCode: components["schemas"]["StatusOk"];
            /** @constant */
            object: "list";
            /** @description Whether the list goes on. */
            has_more: boolean;
            /** @description What continues the list, or `null` at its end. */
            next_cursor: string | null;
            /** @constant */
            url: "/orders";
        };
        /** @description Why a payment link leads nowhere. */
        PaymentLinkFailure: {
            /** @constant */
            success: false;
            message: string;
            statusCode: number;
            error: {
                type: string;
                code: string;
                message: string;
            };
        };
        /** @description What the deployment tells its checkout page. */
        PageConfiguration: {
            brand: components["schemas"]["PageBrand"];
            chains: components["schemas"]["PageChain"][];
            /** @description The tokens that a payer can buy, with their vendors. */
            onramps: {
                /** @enum {string} */
                vendor: "coinbase" | "moonpay" | "stripe" | "stripe-web2";
                chainId: components["schemas"]["ChainId"];
                tokenAddress: components["schemas"]["EvmAddress"];
            }[];
            /** @description Schemes beside `http` and `https` that a redirect may have, such as `myapp`. */
            redirectSchemes: string[];
            /** @description Whether this is a local run. Its chain claims another chain's id, so real wallets are hidden. */
            isLocal: boolean;
        };
        /** @description How the page presents the shop. It comes from the deployment alone. */
        PageBrand: {
            name?: string;
            /** @description Where a payer finds help. */
            supportUrl?: string;
            /** @description A colour such as `#0a7c42`. */
            accent?: string;
            /** @description A `data:` URI of an image. */
            logo?: string;
        };
        PageChain: {
            chainId: components["schemas"]["ChainId"];
            name?: string;
            /** @description The URL of a block explorer. */
            explorer?: string;
            /** @description The URL of a public node, for wallets that do not know the chain. */
            rpc?: string;
            tokens: components["schemas"]["PageToken"][];
            /** @description The addresses that may be paid. */
            recipients: components["schemas"]["EvmAddress"][];
        };
        PageToken: {
            address: components["schemas"]["EvmAddress"];
            symbol?: string;
            decimals?: number;
            /** @description The currency of which it stands for one unit. */
            currency?: string;
        };
        CheckoutSessionCreatedAnswer: {
            success: components["schemas"]["Succeeded"];
            /** @constant */
            message: "Checkout session created";
            data: components["schemas"]["CheckoutSessionCreated"];
            statusCode: components["schemas"]["StatusOk"];
        };
        CheckoutSessionRetrievedAnswer: {
            success: components["schemas"]["Succeeded"];
            /** @constant */
            message: "Checkout session retrieved";
            data: components["schemas"]["CheckoutSession"] | components["schemas"]["CheckoutSessionWithOrder"];
            statusCode: components["schemas"]["StatusOk"];
        };
        CheckoutSessionExpiredAnswer: {
            success: components["schemas"]["Succeeded"];
            /** @constant */
            message: "Checkout session expired";
            data: components["schemas"]["CheckoutSession"] & {
                /** @constant */
                status?: "expired";
            };
            statusCode: components["schemas"]["StatusOk"];
        };
        OrderCreatedAnswer: {
            success: components["schemas"]["Succeeded"];
            /** @constant */
            message: "Created order successfully";
            data: components["schemas"]["Order"];
            statusCode: components["schemas"]["StatusOk"];
        };
        OrderRetrievedAnswer: {
            success: components["schemas"]["Succeeded"];
            /** @constant */
            message: "Get order and transactions successfully";
            data: components["schemas"]["OrderWithTransactions"];
            statusCode: components["schemas"]["StatusOk"];
        };
        OrderEventRecordedAnswer: {
            success: components["schemas"]["Succeeded"];
            /** @constant */
            message: "Order event recorded";
            data: components["schemas"]["OrderWithTransactions"];
            statusCode: components["schemas"]["StatusOk"];
        };
        /** @constant */
        Succeeded: true;
        /** @constant */
        StatusOk: 200;
        BadRequestFailure: {
            success: components["schemas"]["Failed"];
            message: components["schemas"]["FailureMessage"];
            /** @constant */
            statusCode: 400;
            error: {
                /** @constant */
                type: "invalid_request_error";
                /** @enum {string} */
                code: "missing_required_field" | "invalid_field_value" | "invalid_address" | "invalid_json" | "invalid_status_transition" | "session_not_found" | "unsupported_route" | "order_terms_mismatch" | "onramp_not_configured";
                message: components["schemas"]["FailureMessage"];
                param?: components["schemas"]["FailureParam"];
            };
        };
        UnauthorizedFailure: {
            success: components["schemas"]["Failed"];
            message: components["schemas"]["FailureMessage"];
            /** @constant */
            statusCode: 401;
            error: {
                /** @constant */
                type: "authentication_error";
                /** @enum {string} */
                code: "signature_missing" | "signature_invalid" | "signature_expired" | "key_missing" | "key_invalid" | "key_expired" | "key_revoked";
                message: components["schemas"]["FailureMessage"];
                param?: components["schemas"]["FailureParam"];
            };
        };
        ForbiddenFailure: {
            success: components["schemas"]["Failed"];
            message: components["schemas"]["FailureMessage"];
            /** @constant */
            statusCode: 403;
            error: {
                /** @constant */
                type: "permission_error";
                /** @constant */
                code: "insufficient_permissions";
                message: components["schemas"]["FailureMessage"];
                param?: components["schemas"]["FailureParam"];
            };
        };
        NotFoundFailure: {
            success: components["schemas"]["Failed"];
            message: components["schemas"]["FailureMessage"];
            /** @constant */
            statusCode: 404;
            error: {
                /** @constant */
                type: "not_found_error";
                /** @constant */
                code: "resource_not_found";
                message: components["schemas"]["FailureMessage"];
                param?: components["schemas"]["FailureParam"];
            };
        };
        ConflictFailure: {
            success: components["schemas"]["Failed"];
            message: components["schemas"]["FailureMessage"];
            /** @constant */
            statusCode: 409;
            error: {
                /** @constant */
                type: "invalid_request_error";
                /** @constant */
                code: "session_already_has_order";
                message: components["schemas"]["FailureMessage"];
                param?: components["schemas"]["FailureParam"];
                /** @description The order that the session already has. */
                order_id: components["schemas"]["Uuid"];
            } | {
                /** @constant */
                type: "idempotency_error";
                /** @constant */
                code: "idempotency_conflict";
                message: components["schemas"]["FailureMessage"];
                param?: components["schemas"]["FailureParam"];
            };
        };
        PayloadTooLargeFailure: {
            success: components["schemas"]["Failed"];
            message: components["schemas"]["FailureMessage"];
            /** @constant */
            statusCode: 413;
            error: {
                /** @constant */
                type: "invalid_request_error";
                /** @constant */
                code: "payload_too_large";
                message: components["schemas"]["FailureMessage"];
            };
        };
        TooManyRequestsFailure: {
            success: components["schemas"]["Failed"];
            message: components["schemas"]["FailureMessage"];
            /** @constant */
            statusCode: 429;
            error: {
                /** @constant */
                type: "rate_limit_error";
                /** @constant */
                code: "rate_limit_exceeded";
                message: components["schemas"]["FailureMessage"];
            };
        };
        /** @description What the gateway answers by itself when it throttles. */
        GatewayThrottled: {
            /** @constant */
            message: "Too Many Requests";
        };
        InternalFailure: {
            success: components["schemas"]["Failed"];
            message: components["schemas"]["FailureMessage"];
            /** @constant */
            statusCode: 500;
            error: {
                /** @constant */
                type: "api_error";
                /** @constant */
                code: "internal_error";
                message: components["schemas"]["FailureMessage"];
            };
        };
        UnavailableFailure: {
            success: components["schemas"]["Failed"];
            message: components["schemas"]["FailureMessage"];
            /** @constant */
            statusCode: 503;
            error: {
                /** @constant */
                type: "api_error";
                /** @constant */
                code: "temporarily_unavailable";
                message: components["schemas"]["FailureMessage"];
            };
        };
        /** @constant */
        Failed: false;
        /** @description A plain sentence for people. Programs should look at `error.code`. */
        FailureMessage: string;
        /** @description The field that the failure is about, where there is one. */
        FailureParam: string;
    };
    responses: {
        /** @description The request was refused and changed nothing. Codes: `missing_required_field`, `invalid_field_value`, `invalid_address`, `invalid_json`, `unsupported_route` (a price on a chain or token that is not configured). */
        SessionRefused: {
            headers: {
                "Cache-Control": components["headers"]["CacheControl"];
                "Referrer-Policy": components["headers"]["ReferrerPolicy"];
                "X-Content-Type-Options": components["headers"]["ContentTypeOptions"];
                [name: string]: unknown;
            };
            content: {
                "application/json": components["schemas"]["BadRequestFailure"];
            };
        };
        /** @description The session id is unknown or malformed. Code `session_not_found`. */
        SessionNotFound: {
            headers: {
                "Cache-Control": components["headers"]["CacheControl"];
                "Referrer-Policy": components["headers"]["ReferrerPolicy"];
                "X-Content-Type-Options": components["headers"]["ContentTypeOptions"];
                [name: string]: unknown;
            };
            content: {
                "application/json": components["schemas"]["BadRequestFailure"];
            };
        };
        /** @description The session id is unknown or malformed (`session_not_found`), or the session is not open or is being paid (`invalid_status_transition`). A bad `Idempotency-Key` is `invalid_field_value`. */
        SessionNotExpirable: {
            headers: {
                "Cache-Control": components["headers"]["CacheControl"];
                "Referrer-Policy": components["headers"]["ReferrerPolicy"];
                "X-Content-Type-Options": components["headers"]["ContentTypeOptions"];
                [name: string]: unknown;
            };
            content: {
                "application/json": components["schemas"]["BadRequestFailure"];
            };
        };
        /** @description The request was refused and changed nothing. Codes: `missing_required_field`, `invalid_field_value`, `invalid_address`, `invalid_json`, `unsupported_route`, `onramp_not_configured`, `session_not_found`, `invalid_status_transition`, `order_terms_mismatch`. */
        OrderRefused: {
            headers: {
                "Cache-Control": components["headers"]["CacheControl"];
                "Referrer-Policy": components["headers"]["ReferrerPolicy"];
                "X-Content-Type-Options": components["headers"]["ContentTypeOptions"];
                [name: string]: unknown;
            };
            content: {
                "application/json": components["schemas"]["BadRequestFailure"];
            };
        };
        /** @description The body is no event that this service knows; nothing was recorded. Codes: `missing_required_field`, `invalid_field_value`, `invalid_json`. */
        EventRefused: {
            headers: {
                "Cache-Control": components["headers"]["CacheControl"];
                "Referrer-Policy": components["headers"]["ReferrerPolicy"];
                "X-Content-Type-Options": components["headers"]["ContentTypeOptions"];
                [name: string]: unknown;
            };
            content: {
                "application/json": components["schemas"]["BadRequestFailure"];
            };
        };
        /** @description The response would be the one whose `ETag` was sent. There is no body. */
        NotModified: {
            headers: {
                ETag: components["headers"]["ETag"];
                "Cache-Control": components["headers"]["CacheControl"];
                [name: string]: unknown;
            };
            content?: never;
        };
        /** @description A parameter is missing (`missing_required_field`) or breaks its rule (`invalid_field_value`). */
        ListRefused: {
            headers: {
                "Cache-Control": components["headers"]["CacheControl"];
                "Referrer-Policy": components["headers"]["ReferrerPolicy"];
                "X-Content-Type-Options": components["headers"]["ContentTypeOptions"];
                [name: string]: unknown;
            };
            content: {
                "application/json": components["schemas"]["BadRequestFailure"];
            };
        };
        /** @description One of our API keys was sent and is wrong (`key_invalid`), has expired (`key_expired`) or was revoked (`key_revoked`). Or the call needs one and none was sent (`key_missing`). */
        KeyRefused: {
            headers: {
                "Cache-Control": components["headers"]["CacheControl"];
                "Referrer-Policy": components["headers"]["ReferrerPolicy"];
                "X-Content-Type-Options": components["headers"]["ContentTypeOptions"];
                [name: string]: unknown;
            };
            content: {
                "application/json": components["schemas"]["UnauthorizedFailure"];
            };
        };
        /** @description The API key can only read (`crk_…`), and this call writes. Code `insufficient_permissions`. */
        KeyForbidden: {
            headers: {
                "Cache-Control": components["headers"]["CacheControl"];
                "Referrer-Policy": components["headers"]["ReferrerPolicy"];
                "X-Content-Type-Options": components["headers"]["ContentTypeOptions"];
                [name: string]: unknown;
            };
            content: {
                "application/json": components["schemas"]["ForbiddenFailure"];
            };
        };
        /** @description The signature is missing (`signature_missing`), wrong (`signature_invalid`), or its timestamp is more than 5 minutes off (`signature_expired`). The body was not read. */
        SignatureRefused: {
            headers: {
                "Cache-Control": components["headers"]["CacheControl"];
                "Referrer-Policy": components["headers"]["ReferrerPolicy"];
                "X-Content-Type-Options": components["headers"]["ContentTypeOptions"];
                [name: string]: unknown;
            };
            content: {
                "application/json": components["schemas"]["UnauthorizedFailure"];
            };
        };
        /** @description The order id is unknown or malformed. Code `resource_not_found`. */
        OrderNotFound: {
            headers: {
                "Cache-Control": components["headers"]["CacheControl"];
                "Referrer-Policy": components["headers"]["ReferrerPolicy"];
                "X-Content-Type-Options": components["headers"]["ContentTypeOptions"];
                [name: string]: unknown;
            };
            content: {
                "application/json": components["schemas"]["NotFoundFailure"];
            };
        };
        /** @description The `Idempotency-Key` was used before with another body. Code `idempotency_conflict`. */
        IdempotencyConflict: {
            headers: {
                "Cache-Control": components["headers"]["CacheControl"];
                "Referrer-Policy": components["headers"]["ReferrerPolicy"];
                "X-Content-Type-Options": components["headers"]["ContentTypeOptions"];
                [name: string]: unknown;
            };
            content: {
                "application/json": components["schemas"]["ConflictFailure"];
            };
        };
        /** @description The session is open but has an order already (`session_already_has_order`, with `order_id`), or the `Idempotency-Key` was used before with another body (`idempotency_conflict`). */
        OrderConflict: {
            headers: {
                "Cache-Control": components["headers"]["CacheControl"];
                "Referrer-Policy": components["headers"]["ReferrerPolicy"];
                "X-Content-Type-Options": components["headers"]["ContentTypeOptions"];
                [name: string]: unknown;
            };
            content: {
                "application/json": components["schemas"]["ConflictFailure"];
            };
        };
        /** @description The body is over 256 KiB. Code `payload_too_large`. */
        PayloadTooLarge: {
            headers: {
                "Cache-Control": components["headers"]["CacheControl"];
                "Referrer-Policy": components["headers"]["ReferrerPolicy"];
                "X-Content-Type-Options": components["headers"]["ContentTypeOptions"];
                [name: string]: unknown;
            };
            content: {
                "application/json": components["schemas"]["PayloadTooLargeFailure"];
            };
        };
        /** @description Too many requests; try again later. Code `rate_limit_exceeded`. Where the gateway throttles before the service is reached, the body is the gateway's own and the headers below may be absent. */
        TooManyRequests: {
            headers: {
                /**
                 * @description After how many seconds to try again.
                 * @example 1
                 */
                "Retry-After"?: number;
                /** @description As on every answer of the service. */
                "Cache-Control"?: "private, no-cache";
                /** @description As on every answer of the service. */
                "Referrer-Policy"?: "no-referrer";
                /** @description As on every answer of the service. */
                "X-Content-Type-Options"?: "nosniff";
                [name: string]: unknown;
            };
            content: {
                "application/json": components["schemas"]["TooManyRequestsFailure"] | components["schemas"]["GatewayThrottled"];
            };
        };
        /** @description Something broke inside. Code `internal_error`. The answer tells nothing of the inside; the log has it, under the request id. */
        InternalError: {
            headers: {
                "Cache-Control": components["headers"]["CacheControl"];
                "Referrer-Policy": components["headers"]["ReferrerPolicy"];
                "X-Content-Type-Options": components["headers"]["ContentTypeOptions"];
                [name: string]: unknown;
            };
            content: {
                "application/json": components["schemas"]["InternalFailure"];
            };
        };
        /** @description Nothing is wrong with the request, but it could not be served now; try again. Code `temporarily_unavailable`. */
        TemporarilyUnavailable: {
            headers: {
                "Retry-After": components["headers"]["RetryAfter"];
                "Cache-Control": components["headers"]["CacheControl"];
                "Referrer-Policy": components["headers"]["ReferrerPolicy"];
                "X-Content-Type-Options": components["headers"]["ContentTypeOptions"];
                [name: string]: unknown;
            };
            content: {
                "application/json": components["schemas"]["UnavailableFailure"];
            };
        };
    };
    parameters: {
        /**
         * @description The session's id. A malformed id is answered as an unknown one, with 400.
         * @example 6f1c2a9e-58b4-4d0e-9a37-c2d41f7e8b05
         */
        SessionId: string;
        /**
         * @description The order's id. A malformed id is answered as an unknown one, with 404.
         * @example 52fd547d-4d5a-56fe-8b6c-9ec943c0208d
         */
        OrderId: string;
        /**
         * @description The `next_cursor` of the page before.
         * @example MDAxNzY5ODYwODAwMDAwIzZmMWMyYTllLTU4YjQtNGQwZS05YTM3LWMyZDQxZjdlOGIwNQ
         */
        Cursor: string;
        /**
         * @description The `ETag` of a response that the client has. If the response would be the same, it is 304 without a body.
         * @example "jZAWoFxNvCVRMPyfAfGpFQ=="
         */
        IfNoneMatch: string;
        /**
         * @description Makes a retry safe. The same key with the same body gives the first answer again, for at least 24 hours; with another body it is 409 `idempotency_conflict`. Only successes are remembered. Concurrent calls with one key make one thing. Keys are told apart by route and by caller: the merchant of an API key, or else the text of the `x-api-key` or `Authorization` header.
         * @example 3d0c2b6e-cart-1042
         */
        IdempotencyKey: string;
        /**
         * @description The message's own id, part of what is signed. The signature covers no path: an id `checkout-order:<order id>:<anything unique>` is good for that order alone, so that no one can send the message on to another one (401 `signature_invalid`). Any other id is the sender's own and names no order. `svix-id` is an alias.
         * @example msg_p5jXN8AQM9LWM0D4loKWxJek
         */
        WebhookId: string;
        /**
         * @description When the message was sent, in epoch seconds, part of what is signed. More than 5 minutes off the service's clock, either way, is 401 `signature_expired`. `svix-timestamp` is an alias.
         * @example 1769860990
         */
        WebhookTimestamp: number;
        /**
         * @description Signatures separated by spaces; one valid `v1,<base64>` is enough. `svix-signature` is an alias.
         * @example v1,K5oZfzN95Z9UVu1EsfQmfVNQhnkZ2pj9o9NDN/H/pI4=
         */
        WebhookSignature: string;
    };
    requestBodies: never;
    headers: {
        /** @description No shared cache may keep the answer, and none may serve it without asking again. */
        CacheControl: "private, no-cache";
        /** @description Ids are capabilities and must not leak through a referrer. */
        ReferrerPolicy: "no-referrer";
        /** @description The answer is JSON and must not be taken for anything else. */
        ContentTypeOptions: "nosniff";
        /** @description Present where this is the first answer again, given for the same `Idempotency-Key`. */
        IdempotentReplayed: "true";
        /** @description A hash of the body, for `If-None-Match`. */
        ETag: string;
        /**
         * @description After how many seconds to try again.
         * @example 1
         */
        RetryAfter: number;
    };
    pathItems: never;
}
export type $defs = Record<string, never>;
export interface operations {
    listCheckoutSessions: {
        parameters: {
            query?: {
                /** @description Sessions with this status now. */
                status?: components["schemas"]["CheckoutSessionStatus"];
                /**
                 * @description Sessions with this reference.
                 * @example cart-1042
                 */
                client_reference_id?: string;
                /**
                 * @description Sessions that were created at or after this time, as epoch seconds or ISO 8601.
                 * @example 2026-01-31
                 */
                "created[gte]"?: string;
                /**
                 * @description Sessions that were created after this time, as epoch seconds or ISO 8601.
                 * @example 2026-01-31
                 */
                "created[gt]"?: string;
                /**
                 * @description Sessions that were created at or before this time, as epoch seconds or ISO 8601.
                 * @example 2026-01-31
                 */
                "created[lte]"?: string;
                /**
                 * @description Sessions that were created before this time, as epoch seconds or ISO 8601.
                 * @example 2026-01-31
                 */
                "created[lt]"?: string;
                /** @description How many sessions a page has at most. */
                limit?: number;
                /**
                 * @description The page begins after this session. Excludes `cursor`.
                 * @example 6f1c2a9e-58b4-4d0e-9a37-c2d41f7e8b05
                 */
                starting_after?: string;
                /**
                 * @description The `next_cursor` of the page before.
                 * @example MDAxNzY5ODYwODAwMDAwIzZmMWMyYTllLTU4YjQtNGQwZS05YTM3LWMyZDQxZjdlOGIwNQ
                 */
                cursor?: components["parameters"]["Cursor"];
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A page of the list. */
            200: {
                headers: {
                    "Cache-Control": components["headers"]["CacheControl"];
                    "Referrer-Policy": components["headers"]["ReferrerPolicy"];
                    "X-Content-Type-Options": components["headers"]["ContentTypeOptions"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["CheckoutSessionList"];
                };
            };
            400: components["responses"]["ListRefused"];
            401: components["responses"]["KeyRefused"];
            429: components["responses"]["TooManyRequests"];
            500: components["responses"]["InternalError"];
            503: components["responses"]["TemporarilyUnavailable"];
        };
    };
    createCheckoutSession: {
        parameters: {
            query?: never;
            header?: {
                /**
                 * @description Makes a retry safe. The same key with the same body gives the first answer again, for at least 24 hours; with another body it is 409 `idempotency_conflict`. Only successes are remembered. Concurrent calls with one key make one thing. Keys are told apart by route and by caller: the merchant of an API key, or else the text of the `x-api-key` or `Authorization` header.
                 * @example 3d0c2b6e-cart-1042
                 */
                "Idempotency-Key"?: components["parameters"]["IdempotencyKey"];
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["CheckoutSessionRequest"];
            };
        };
        responses: {
            /** @description The session was made, or had been made before under the same `Idempotency-Key`. */
            200: {
                headers: {
                    "Cache-Control": components["headers"]["CacheControl"];
                    "Referrer-Policy": components["headers"]["ReferrerPolicy"];
                    "X-Content-Type-Options": components["headers"]["ContentTypeOptions"];
                    "Idempotent-Replayed": components["headers"]["IdempotentReplayed"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["CheckoutSessionCreatedAnswer"];
                };
            };
            400: components["responses"]["SessionRefused"];
            401: components["responses"]["KeyRefused"];
            403: components["responses"]["KeyForbidden"];
            409: components["responses"]["IdempotencyConflict"];
            413: components["responses"]["PayloadTooLarge"];
            429: components["responses"]["TooManyRequests"];
            500: components["responses"]["InternalError"];
            503: components["responses"]["TemporarilyUnavailable"];
        };
    };
    getCheckoutSession: {
        parameters: {
            query?: {
                /**
                 * @description `order` puts the linked order into the answer. Any other value is ignored. `include[]` is the same parameter.
                 * @example order
                 */
                include?: string;
            };
            header?: {
                /**
                 * @description The `ETag` of a response that the client has. If the response would be the same, it is 304 without a body.
                 * @example "jZAWoFxNvCVRMPyfAfGpFQ=="
                 */
                "If-None-Match"?: components["parameters"]["IfNoneMatch"];
            };
            path: {
                /**
                 * @description The session's id. A malformed id is answered as an unknown one, with 400.
                 * @example 6f1c2a9e-58b4-4d0e-9a37-c2d41f7e8b05
                 */
                sessionId: components["parameters"]["SessionId"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The session as it is now. */
            200: {
                headers: {
                    ETag: components["headers"]["ETag"];
                    "Cache-Control": components["headers"]["CacheControl"];
                    "Referrer-Policy": components["headers"]["ReferrerPolicy"];
                    "X-Content-Type-Options": components["headers"]["ContentTypeOptions"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["CheckoutSessionRetrievedAnswer"];
                };
            };
            304: components["responses"]["NotModified"];
            400: components["responses"]["SessionNotFound"];
            401: components["responses"]["KeyRefused"];
            429: components["responses"]["TooManyRequests"];
            500: components["responses"]["InternalError"];
            503: components["responses"]["TemporarilyUnavailable"];
        };
    };
    expireCheckoutSession: {
        parameters: {
            query?: never;
            header?: {
                /**
                 * @description Makes a retry safe. The same key with the same body gives the first answer again, for at least 24 hours; with another body it is 409 `idempotency_conflict`. Only successes are remembered. Concurrent calls with one key make one thing. Keys are told apart by route and by caller: the merchant of an API key, or else the text of the `x-api-key` or `Authorization` header.
                 * @example 3d0c2b6e-cart-1042
                 */
                "Idempotency-Key"?: components["parameters"]["IdempotencyKey"];
            };
            path: {
                /**
                 * @description The session's id. A malformed id is answered as an unknown one, with 400.
                 * @example 6f1c2a9e-58b4-4d0e-9a37-c2d41f7e8b05
                 */
                sessionId: components["parameters"]["SessionId"];
            };
            cookie?: never;
        };
        /** @description Ignored. */
        requestBody?: {
            content: {
                "application/json": unknown;
            };
        };
        responses: {
            /** @description The session is expired now, or was by an earlier call with this `Idempotency-Key`. */
            200: {
                headers: {
                    "Cache-Control": components["headers"]["CacheControl"];
                    "Referrer-Policy": components["headers"]["ReferrerPolicy"];
                    "X-Content-Type-Options": components["headers"]["ContentTypeOptions"];
                    "Idempotent-Replayed": components["headers"]["IdempotentReplayed"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["CheckoutSessionExpiredAnswer"];
                };
            };
            400: components["responses"]["SessionNotExpirable"];
            401: components["responses"]["KeyRefused"];
            403: components["responses"]["KeyForbidden"];
            409: components["responses"]["IdempotencyConflict"];
            413: components["responses"]["PayloadTooLarge"];
            429: components["responses"]["TooManyRequests"];
            500: components["responses"]["InternalError"];
            503: components["responses"]["TemporarilyUnavailable"];
        };
    };
    getCheckoutPage: {
        parameters: {
            query?: {
                /**
                 * @description The page's language: `en`, `de`, `fr`, `es`, `pt-BR`, `ja`, `zh-CN` or `ar`. Without it, or with another one, `Accept-Language` decides.
                 * @example de
                 */
                lang?: string;
            };
            header?: never;
            path: {
                /** @description The session's id. The document is the same for all; its script reads the id. */
                sessionId: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The page, or its configuration. */
            200: {
                headers: {
                    ETag: components["headers"]["ETag"];
                    "Referrer-Policy": components["headers"]["ReferrerPolicy"];
                    "X-Content-Type-Options": components["headers"]["ContentTypeOptions"];
                    [name: string]: unknown;
                };
                content: {
                    "text/html": string;
                    "application/json": components["schemas"]["PageConfiguration"];
                };
            };
            /** @description The page has not changed. */
            304: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            429: components["responses"]["TooManyRequests"];
        };
    };
    headCheckoutPage: {
        parameters: {
            query?: {
                /**
                 * @description The page's language: `en`, `de`, `fr`, `es`, `pt-BR`, `ja`, `zh-CN` or `ar`. Without it, or with another one, `Accept-Language` decides.
                 * @example de
                 */
                lang?: string;
            };
            header?: never;
            path: {
                /** @description The session's id. The document is the same for all; its script reads the id. */
                sessionId: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The page is there. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description The page has not changed. */
            304: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description API Gateway throttles. */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
        };
    };
    listOrders: {
        parameters: {
            query: {
                /**
                 * @description The wallet, in any case.
                 * @example 0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed
                 */
                creatorAddress: string;
                /** @description How many orders a page has at most. */
                limit?: number;
                /** @description How many orders are skipped. With `cursor` it must be absent or 0. */
                offset?: number;
                /**
                 * @description The `next_cursor` of the page before.
                 * @example MDAxNzY5ODYwODAwMDAwIzZmMWMyYTllLTU4YjQtNGQwZS05YTM3LWMyZDQxZjdlOGIwNQ
                 */
                cursor?: components["parameters"]["Cursor"];
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A page of the list. */
            200: {
                headers: {
                    "Cache-Control": components["headers"]["CacheControl"];
                    "Referrer-Policy": components["headers"]["ReferrerPolicy"];
                    "X-Content-Type-Options": components["headers"]["ContentTypeOptions"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["OrderList"];
                };
            };
            400: components["responses"]["ListRefused"];
            401: components["responses"]["KeyRefused"];
            429: components["responses"]["TooManyRequests"];
            500: components["responses"]["InternalError"];
            503: components["responses"]["TemporarilyUnavailable"];
        };
    };
    createOrder: {
        parameters: {
            query?: never;
            header?: {
                /**
                 * @description Makes a retry safe. The same key with the same body gives the first answer again, for at least 24 hours; with another body it is 409 `idempotency_conflict`. Only successes are remembered. Concurrent calls with one key make one thing. Keys are told apart by route and by caller: the merchant of an API key, or else the text of the `x-api-key` or `Authorization` header.
                 * @example 3d0c2b6e-cart-1042
                 */
                "Idempotency-Key"?: components["parameters"]["IdempotencyKey"];
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["OrderRequest"];
            };
        };
        responses: {
            /** @description The order was made, or had been made before under the same `Idempotency-Key`. */
            200: {
                headers: {
                    "Cache-Control": components["headers"]["CacheControl"];
                    "Referrer-Policy": components["headers"]["ReferrerPolicy"];
                    "X-Content-Type-Options": components["headers"]["ContentTypeOptions"];
                    "Idempotent-Replayed": components["headers"]["IdempotentReplayed"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["OrderCreatedAnswer"];
                };
            };
            400: components["responses"]["OrderRefused"];
            401: components["responses"]["KeyRefused"];
            403: components["responses"]["KeyForbidden"];
            409: components["responses"]["OrderConflict"];
            413: components["responses"]["PayloadTooLarge"];
            429: components["responses"]["TooManyRequests"];
            500: components["responses"]["InternalError"];
            503: components["responses"]["TemporarilyUnavailable"];
        };
    };
    getOrder: {
        parameters: {
            query?: never;
            header?: {
                /**
                 * @description The `ETag` of a response that the client has. If the response would be the same, it is 304 without a body.
                 * @example "jZAWoFxNvCVRMPyfAfGpFQ=="
                 */
                "If-None-Match"?: components["parameters"]["IfNoneMatch"];
            };
            path: {
                /**
                 * @description The order's id. A malformed id is answered as an unknown one, with 404.
                 * @example 52fd547d-4d5a-56fe-8b6c-9ec943c0208d
                 */
                orderId: components["parameters"]["OrderId"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The order and its transactions as they are now. */
            200: {
                headers: {
                    ETag: components["headers"]["ETag"];
                    "Cache-Control": components["headers"]["CacheControl"];
                    "Referrer-Policy": components["headers"]["ReferrerPolicy"];
                    "X-Content-Type-Options": components["headers"]["ContentTypeOptions"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["OrderRetrievedAnswer"];
                };
            };
            304: components["responses"]["NotModified"];
            401: components["responses"]["KeyRefused"];
            404: components["responses"]["OrderNotFound"];
            429: components["responses"]["TooManyRequests"];
            500: components["responses"]["InternalError"];
            503: components["responses"]["TemporarilyUnavailable"];
        };
    };
    openPaymentLink: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /**
                 * @description The order's id. A malformed id is answered as an unknown one, with 404.
                 * @example 52fd547d-4d5a-56fe-8b6c-9ec943c0208d
                 */
                orderId: components["parameters"]["OrderId"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A page: a button that leads to the vendor, or what became of the payment. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "text/html": string;
                    "application/json": components["schemas"]["PaymentLinkFailure"];
                };
            };
            /** @description The vendor's page. */
            303: {
                headers: {
                    /** @description A page of the vendor, for one payer. */
                    Location?: string;
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description A script or a frame opened the link (`navigation_required`), or the vendor refuses the payment (`onramp_refused`). */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "text/html": string;
                    "application/json": components["schemas"]["PaymentLinkFailure"];
                };
            };
            /** @description No order with an onramp vendor has this id. */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "text/html": string;
                    "application/json": components["schemas"]["PaymentLinkFailure"];
                };
            };
            /** @description Too little time is left for the vendor. */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "text/html": string;
                    "application/json": components["schemas"]["PaymentLinkFailure"];
                };
            };
            /** @description Nothing can be paid any more. */
            410: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "text/html": string;
                    "application/json": components["schemas"]["PaymentLinkFailure"];
                };
            };
            /** @description The link was opened too often (`rate_limit_exceeded`), or the route is throttled. */
            429: {
                headers: {
                    "Retry-After": components["headers"]["RetryAfter"];
                    [name: string]: unknown;
                };
                content: {
                    "text/html": string;
                    "application/json": components["schemas"]["PaymentLinkFailure"];
                };
            };
            /** @description A fault of the service. */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "text/html": string;
                    "application/json": components["schemas"]["PaymentLinkFailure"];
                };
            };
            /** @description A prefetch, a vendor that does not respond (`onramp_unavailable`), or a busy service. */
            503: {
                headers: {
                    "Retry-After": components["headers"]["RetryAfter"];
                    [name: string]: unknown;
                };
                content: {
                    "text/html": string;
                    "application/json": components["schemas"]["PaymentLinkFailure"];
                };
            };
        };
    };
    continueToVendor: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /**
                 * @description The order's id. A malformed id is answered as an unknown one, with 404.
                 * @example 52fd547d-4d5a-56fe-8b6c-9ec943c0208d
                 */
                orderId: components["parameters"]["OrderId"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A page: a button that leads to the vendor, or what became of the payment. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "text/html": string;
                    "application/json": components["schemas"]["PaymentLinkFailure"];
                };
            };
            /** @description The vendor's page. */
            303: {
                headers: {
                    /** @description A page of the vendor, for one payer. */
                    Location?: string;
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description A script or a frame opened the link (`navigation_required`), or the vendor refuses the payment (`onramp_refused`). */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "text/html": string;
                    "application/json": components["schemas"]["PaymentLinkFailure"];
                };
            };
            /** @description No order with an onramp vendor has this id. */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "text/html": string;
                    "application/json": components["schemas"]["PaymentLinkFailure"];
                };
            };
            /** @description Too little time is left for the vendor. */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "text/html": string;
                    "application/json": components["schemas"]["PaymentLinkFailure"];
                };
            };
            /** @description Nothing can be paid any more. */
            410: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "text/html": string;
                    "application/json": components["schemas"]["PaymentLinkFailure"];
                };
            };
            /** @description The link was opened too often (`rate_limit_exceeded`), or the route is throttled. */
            429: {
                headers: {
                    "Retry-After": components["headers"]["RetryAfter"];
                    [name: string]: unknown;
                };
                content: {
                    "text/html": string;
                    "application/json": components["schemas"]["PaymentLinkFailure"];
                };
            };
            /** @description A fault of the service. */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "text/html": string;
                    "application/json": components["schemas"]["PaymentLinkFailure"];
                };
            };
            /** @description A prefetch, a vendor that does not respond (`onramp_unavailable`), or a busy service. */
            503: {
                headers: {
                    "Retry-After": components["headers"]["RetryAfter"];
                    [name: string]: unknown;
                };
                content: {
                    "text/html": string;
                    "application/json": components["schemas"]["PaymentLinkFailure"];
                };
            };
        };
    };
    recordCoinbaseEvent: {
        parameters: {
            query?: never;
            header?: {
                /** @description Coinbase's signature. */
                "X-Hook0-Signature"?: string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": Record<string, unknown>;
            };
        };
        responses: {
            /** @description The webhook was taken or ignored. */
            200: {
                headers: {
                    "Cache-Control": components["headers"]["CacheControl"];
                    "Referrer-Policy": components["headers"]["ReferrerPolicy"];
                    "X-Content-Type-Options": components["headers"]["ContentTypeOptions"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        success: components["schemas"]["Succeeded"];
                        /** @enum {string} */
                        message: "Webhook received" | "Webhook ignored";
                        data: Record<string, unknown>;
                        statusCode: components["schemas"]["StatusOk"];
                    };
                };
            };
            /** @description Webhooks of Coinbase are not configured (`onramp_not_configured`), or the body is not JSON (`invalid_json`). */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["PaymentLinkFailure"];
                };
            };
            /** @description The signature is missing, wrong or old (`signature_missing`, `signature_invalid`, `signature_expired`). */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["PaymentLinkFailure"];
                };
            };
            413: components["responses"]["PayloadTooLarge"];
            429: components["responses"]["TooManyRequests"];
            500: components["responses"]["InternalError"];
            /** @description The report cannot be kept now (`temporarily_unavailable`). Coinbase sends the webhook again. */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["PaymentLinkFailure"];
                };
            };
        };
    };
    recordStripeEvent: {
        parameters: {
            query?: never;
            header?: {
                /** @description Stripe's signature. */
                "Stripe-Signature"?: string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": Record<string, unknown>;
            };
        };
        responses: {
            /** @description The webhook was taken or ignored. */
            200: {
                headers: {
                    "Cache-Control": components["headers"]["CacheControl"];
                    "Referrer-Policy": components["headers"]["ReferrerPolicy"];
                    "X-Content-Type-Options": components["headers"]["ContentTypeOptions"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        success: components["schemas"]["Succeeded"];
                        /** @enum {string} */
                        message: "Webhook received" | "Webhook ignored";
                        data: Record<string, unknown>;
                        statusCode: components["schemas"]["StatusOk"];
                    };
                };
            };
            /** @description Webhooks of Stripe are not configured (`onramp_not_configured`), or the body is not JSON (`invalid_json`). */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["PaymentLinkFailure"];
                };
            };
            /** @description The signature is missing, wrong or old (`signature_missing`, `signature_invalid`, `signature_expired`). */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["PaymentLinkFailure"];
                };
            };
            413: components["responses"]["PayloadTooLarge"];
            429: components["responses"]["TooManyRequests"];
            500: components["responses"]["InternalError"];
            /** @description The payment cannot be looked at, or the report cannot be kept now (`onramp_unavailable`, `temporarily_unavailable`). Stripe sends the webhook again. */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["PaymentLinkFailure"];
                };
            };
        };
    };
    recordOrderEvent: {
        parameters: {
            query?: never;
            header: {
                /**
                 * @description The message's own id, part of what is signed. The signature covers no path: an id `checkout-order:<order id>:<anything unique>` is good for that order alone, so that no one can send the message on to another one (401 `signature_invalid`). Any other id is the sender's own and names no order. `svix-id` is an alias.
                 * @example msg_p5jXN8AQM9LWM0D4loKWxJek
                 */
                "webhook-id": components["parameters"]["WebhookId"];
                /**
                 * @description When the message was sent, in epoch seconds, part of what is signed. More than 5 minutes off the service's clock, either way, is 401 `signature_expired`. `svix-timestamp` is an alias.
                 * @example 1769860990
                 */
                "webhook-timestamp": components["parameters"]["WebhookTimestamp"];
                /**
                 * @description Signatures separated by spaces; one valid `v1,<base64>` is enough. `svix-signature` is an alias.
                 * @example v1,K5oZfzN95Z9UVu1EsfQmfVNQhnkZ2pj9o9NDN/H/pI4=
                 */
                "webhook-signature": components["parameters"]["WebhookSignature"];
                /**
                 * @description Makes a retry safe. The same key with the same body gives the first answer again, for at least 24 hours; with another body it is 409 `idempotency_conflict`. Only successes are remembered. Concurrent calls with one key make one thing. Keys are told apart by route and by caller: the merchant of an API key, or else the text of the `x-api-key` or `Authorization` header.
                 * @example 3d0c2b6e-cart-1042
                 */
                "Idempotency-Key"?: components["parameters"]["IdempotencyKey"];
            };
            path: {
                /**
                 * @description The order's id. A malformed id is answered as an unknown one, with 404.
                 * @example 52fd547d-4d5a-56fe-8b6c-9ec943c0208d
                 */
                orderId: components["parameters"]["OrderId"];
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["OrderEvent"];
            };
        };
        responses: {
            /** @description The fact is on record. `data` is the order after the event. */
            200: {
                headers: {
                    "Cache-Control": components["headers"]["CacheControl"];
                    "Referrer-Policy": components["headers"]["ReferrerPolicy"];
                    "X-Content-Type-Options": components["headers"]["ContentTypeOptions"];
                    "Idempotent-Replayed": components["headers"]["IdempotentReplayed"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["OrderEventRecordedAnswer"];
                };
            };
            400: components["responses"]["EventRefused"];
            401: components["responses"]["SignatureRefused"];
            404: components["responses"]["OrderNotFound"];
            409: components["responses"]["IdempotencyConflict"];
            413: components["responses"]["PayloadTooLarge"];
            429: components["responses"]["TooManyRequests"];
            500: components["responses"]["InternalError"];
            503: components["responses"]["TemporarilyUnavailable"];
        };
    };
}
