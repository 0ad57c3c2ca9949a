//! A reply as server-sent events.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use axum::response::sse::{self, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_core::Stream;
use serde_json::Value;

use super::fault::Fault;
use super::limits;
use super::reply::{Event, Reply};
use crate::engine::{Chosen, End};

/// How a family of clients wants events written.
pub(super) trait Writer: Unpin + Send + 'static {
    /// A piece of completion `index`, with its tokens where the request asks for probabilities.
    fn piece(&mut self, index: usize, text: String, chosen: &[Chosen], out: &mut Frames);

    /// The end of completion `index`; without an [`End`] when somebody ended it.
    fn end(&mut self, index: usize, end: Option<&End>, out: &mut Frames);

    /// What comes after the last completion.
    fn done(&mut self, _out: &mut Frames) {}

    /// What a failure looks like.
    fn fault(&mut self, fault: Fault, out: &mut Frames) {
        out.data(&fault.body());
    }
}

/// Events that wait to be sent.
#[derive(Default)]
pub(super) struct Frames(VecDeque<sse::Event>);

impl Frames {
    /// Adds an event with JSON data.
    pub(super) fn data(&mut self, value: &Value) {
        self.text(&value.to_string());
    }

    /// Adds an event with one line of text.
    pub(super) fn text(&mut self, text: &str) {
        self.0.push_back(sse::Event::default().data(text));
    }

    /// Adds an event with a name.
    pub(super) fn named(&mut self, name: &str, value: &Value) {
        let event = sse::Event::default().event(name);
        self.0.push_back(event.data(value.to_string()));
    }
}

struct Events<W> {
    reply: Reply,
    writer: W,
    waiting: Frames,
    done: bool,
}

impl<W: Writer> Stream for Events<W> {
    type Item = Result<sse::Event, Infallible>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        loop {
            if let Some(event) = this.waiting.0.pop_front() {
                return Poll::Ready(Some(Ok(event)));
            }
            if this.done {
                return Poll::Ready(None);
            }
            let (writer, out) = (&mut this.writer, &mut this.waiting);
            match this.reply.poll(context) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Some(Ok(Event::Piece {
                    index,
                    text,
                    chosen,
                }))) => {
                    writer.piece(index, text, &chosen, out);
                }
                Poll::Ready(Some(Ok(Event::End { index, end }))) => {
                    writer.end(index, end.as_ref(), out);
                }
                Poll::Ready(Some(Err(error))) => {
                    this.done = true;
                    this.reply.log(&error);
                    writer.fault(Fault::from(error), out);
                }
                Poll::Ready(None) => {
                    this.done = true;
                    writer.done(out);
                }
            }
        }
    }
}

/// Sends `reply` as it is written.
pub(super) fn stream(reply: Reply, writer: impl Writer) -> Response {
    let events = Events {
        reply,
        writer,
        waiting: Frames::default(),
        done: false,
    };
    let alive = KeepAlive::new().interval(limits::PING);
    Sse::new(events).keep_alive(alive).into_response()
}
