//! The query of `GET /checkout-sessions`.

use std::time::Duration;

use api::{ApiError, ErrorCode, Query, Request, cursor, within};
use domain::id::SessionId;
use domain::invalid::Invalid;
use domain::listing::{Place, SessionFilter};
use domain::merchant::Merchant;
use domain::session::SessionStatus;
use domain::text::Text;
use domain::time::Timestamp;

/// The list's path.
pub(crate) const PATH: &str = "/checkout-sessions";
const CURSOR: &str = "cursor";
const STARTING_AFTER: &str = "starting_after";
const LIMIT: usize = 10;
const MOST: usize = 100;
/// Instants of the table have milliseconds.
const INSTANT: Duration = Duration::from_millis(1);

/// What is asked for.
pub(crate) struct ListRequest {
    pub(crate) filter: SessionFilter,
    pub(crate) limit: usize,
    pub(crate) after: Option<After>,
}

/// Where a page begins.
pub(crate) enum After {
    /// After the last session of the page before.
    Place(Place),
    /// After this session.
    Session(SessionId),
}

impl ListRequest {
    /// Reads the query.
    pub(crate) fn read(request: &Request, merchant: Merchant) -> Result<Self, ApiError> {
        let query = request.query();
        let (from, until) = created(&query)?;
        let filter = SessionFilter {
            merchant,
            reference: query.optional("client_reference_id", reference)?,
            status: query.optional("status", SessionStatus::parse)?,
            from,
            until,
        };
        let place = query.optional(CURSOR, cursor::start(PATH, 0))?.and_then(|start| start.before);
        let after = place.map(After::Place);
        let start = query.optional(STARTING_AFTER, session)?.map(After::Session);
        if after.is_some() && start.is_some() {
            let invalid = Invalid::expected("absent if starting_after is given");
            return Err(ApiError::invalid(ErrorCode::InvalidFieldValue, CURSOR, &invalid));
        }
        let limit = query.optional("limit", within(1, MOST))?.unwrap_or(LIMIT);
        Ok(Self { filter, limit, after: after.or(start) })
    }
}

/// The refusal of a session that the merchant has not.
pub(crate) fn unknown_start() -> ApiError {
    let invalid = Invalid::expected("the id of one of your sessions");
    ApiError::invalid(ErrorCode::InvalidFieldValue, STARTING_AFTER, &invalid)
}

/// The first instant of creation, and the first one after the last.
fn created(query: &Query<'_>) -> Result<(Timestamp, Option<Timestamp>), ApiError> {
    let instant = |name| query.optional(name, Timestamp::parse_seconds_or_iso);
    let (gte, gt) = (instant("created[gte]")?, instant("created[gt]")?.map(|instant| instant + INSTANT));
    let (lte, lt) = (instant("created[lte]")?.map(|instant| instant + INSTANT), instant("created[lt]")?);
    let from = gte.max(gt).unwrap_or(Timestamp::from_millis(0));
    Ok((from, [lte, lt].into_iter().flatten().min()))
}

fn reference(text: &str) -> Result<String, Invalid> {
    Text::<255>::parse(text.to_owned()).map(|text| text.as_str().to_owned())
}

fn session(text: &str) -> Result<SessionId, Invalid> {
    SessionId::parse(text).ok_or_else(|| Invalid::expected("the id of one of your sessions"))
}
