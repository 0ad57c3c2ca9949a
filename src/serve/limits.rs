//! What one client may cost.

use std::time::Duration;

/// The longest body of a request: a context of a million tokens takes about 4 MiB, twice that as escaped JSON.
pub(super) const BODY: usize = 8 << 20;
/// The largest card that is read or taken in; larger ones carry galleries of images.
pub(super) const CARD: usize = 64 << 20;
/// How long a body may take to arrive, so that nobody holds a connection by sending a byte now and then.
pub(super) const BODY_TIME: Duration = Duration::from_secs(30);
/// How long the head of a request may take to arrive; the same, and also how long an idle connection is kept.
pub(super) const HEAD_TIME: Duration = Duration::from_secs(30);
/// Bytes of a request's head.
pub(super) const HEAD: usize = 32 << 10;
/// Headers of a request: browsers send about 20.
pub(super) const HEADERS: usize = 64;
/// Connections at the same time; more wait to be accepted.
pub(super) const CONNECTIONS: usize = 1024;
/// Replies that one request may ask for: swipes times prompts.
pub(super) const REPLIES: usize = 32;
/// Banned strings of one request.
pub(super) const BANS: usize = 128;
/// Texts at which repetitions break.
pub(super) const BREAKERS: usize = 64;
/// Biased tokens of one request.
pub(super) const BIASES: usize = 1024;
/// Stop strings of one request: front-ends send a few per participant of a group chat.
pub(super) const STOPS: usize = 256;
/// Silence in a stream after which a comment says that the server is still there.
pub(super) const PING: Duration = Duration::from_secs(10);
/// How long replies may still take after the server was asked to end.
pub(super) const DRAIN: Duration = Duration::from_secs(30);
/// Characters that are invented at the same time.
pub(super) const INVENTING: usize = 8;
