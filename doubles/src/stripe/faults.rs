//! How a double of Stripe fails on request.

/// What happens to the next call of the API.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// This status, and the call has no effect.
    Status(u16),
    /// 400 with this code, and the call has no effect.
    Refused(&'static str),
    /// No response.
    Hang,
    /// The call takes effect, and the response breaks off.
    CutResponse,
    /// The call takes effect, and 500 is sent and remembered under its idempotency key.
    DoneThen500,
    /// A response that is not JSON.
    InvalidBody,
    /// A Checkout Session or an onramp session whose page is on another host.
    OtherHost,
    /// A refund that fails.
    RefundFails,
}
