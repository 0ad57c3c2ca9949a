//! Many characters at once, as many in work as the engine has slots.
//!
//! One thread looks after all of them: it sleeps until some reply has something new, and hands in the next request of a
//! character the moment the last one is answered, so that no slot is idle while there is work. An engine of this process
//! is asked to hold on for that moment ([`Request::hold`]): which requests share a decode then depends on the wishes alone
//! and not on the speed of the machine, and so do the last bits of the logits and every word: the same wishes give the same
//! characters.
//!
//! [`Request::hold`]: crate::engine::Request::hold

use std::sync::mpsc::{self, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Wake, Waker};

use super::draft::Draft;
use super::inventor::Taken;
use super::review::Fault;
use super::section::Section;
use super::{Character, Inventor, Wish};
use crate::engine::{Completion, Request};
use crate::{Error, Kind, Result};

/// How often a request is handed in again because its server was lost in the middle of the reply.
const MOST_LOST: usize = 8;

/// Something that happened to one of many characters.
#[derive(Debug)]
pub enum Event {
    /// A character is being written.
    Started {
        /// Its place in the list of wishes.
        index: usize,
    },
    /// The model answered a request.
    Answered {
        /// The place of the character in the list of wishes.
        index: usize,
        /// The section that was asked for.
        section: Section,
        /// Tokens written.
        tokens: usize,
        /// What is wrong with it, if it is not kept.
        rejected: Option<Fault>,
    },
    /// A server was lost while it wrote; the request is made again.
    Lost {
        /// The place of the character in the list of wishes.
        index: usize,
        /// What happened.
        error: Error,
    },
    /// A character is finished, or failed.
    Finished {
        /// Its place in the list of wishes.
        index: usize,
        /// The character.
        character: Result<Box<Character>>,
    },
}

/// A character in work.
struct Worker {
    index: usize,
    draft: Draft,
    completion: Completion,
    written: String,
    lost: usize,
}

impl Worker {
    fn new(index: usize, draft: Draft, completion: Completion) -> Self {
        Self {
            index,
            draft,
            completion,
            written: String::new(),
            lost: 0,
        }
    }
}

/// Tells which worker has something new.
struct Bell {
    place: usize,
    rings: Mutex<Sender<usize>>,
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        let rings = self.rings.lock().unwrap_or_else(PoisonError::into_inner);
        // Nobody listens any more once the work has ended.
        let _ = rings.send(self.place);
    }
}

/// Writes a character for each wish, `parallel` at a time, and tells `report` of each as it happens.
///
/// A character that fails does not stop the others.
///
/// # Errors
///
/// The first error of `report`, and an engine that is gone; no further requests are made then.
pub fn invent_many(
    inventor: &Inventor<'_>,
    wishes: &[Wish],
    parallel: usize,
    report: impl FnMut(Event) -> Result<()>,
) -> Result<()> {
    let (sender, rings) = mpsc::channel();
    let mut work = Work {
        inventor,
        wishes,
        next: 0,
        report,
        workers: Vec::new(),
        sender,
    };
    work.fill(parallel.max(1))?;
    while work.workers.iter().any(Option::is_some)
        && let Ok(place) = rings.recv()
    {
        work.look(place)?;
    }
    Ok(())
}

struct Work<'w, 'e, F> {
    inventor: &'w Inventor<'e>,
    wishes: &'w [Wish],
    next: usize,
    report: F,
    workers: Vec<Option<Worker>>,
    sender: Sender<usize>,
}

impl<F: FnMut(Event) -> Result<()>> Work<'_, '_, F> {
    /// Begins with as many wishes as there is room for, all in one hand.
    fn fill(&mut self, parallel: usize) -> Result<()> {
        let mut drafts = Vec::new();
        let mut requests = Vec::new();
        while drafts.len() < parallel {
            let Some((index, draft, request)) = self.begin()? else {
                break;
            };
            drafts.push((index, draft));
            requests.push(request);
        }
        let completions = self.inventor.engine.start_all(requests)?;
        for ((index, draft), completion) in drafts.into_iter().zip(completions) {
            self.workers
                .push(Some(Worker::new(index, draft, completion)));
        }
        for place in 0..self.workers.len() {
            self.ring(place);
        }
        Ok(())
    }

    /// Has a place looked at later: what is new there may have come before anybody listened.
    fn ring(&self, place: usize) {
        // The other end is ours.
        let _ = self.sender.send(place);
    }

    /// The next wish that takes a model, with its first request.
    fn begin(&mut self) -> Result<Option<(usize, Draft, Request)>> {
        while let Some(wish) = self.wishes.get(self.next) {
            let index = self.next;
            self.next += 1;
            (self.report)(Event::Started { index })?;
            let mut draft = self.inventor.begin(wish);
            if let Some(character) = draft.finished() {
                self.finished(index, Ok(character))?;
                continue;
            }
            match self.request(index, &mut draft) {
                Ok(request) => return Ok(Some((index, draft, request))),
                Err(error) => self.finished(index, Err(error))?,
            }
        }
        Ok(None)
    }

    fn request(&self, index: usize, draft: &mut Draft) -> Result<Request> {
        let mut request = self.inventor.request(draft)?;
        request.hold = Some(index);
        Ok(request)
    }

    fn finished(&mut self, index: usize, character: Result<Character>) -> Result<()> {
        (self.report)(Event::Finished {
            index,
            character: character.map(Box::new),
        })
    }

    /// Takes in what is new at a place.
    fn look(&mut self, place: usize) -> Result<()> {
        let Some(mut worker) = self.workers[place].take() else {
            return Ok(());
        };
        let waker = Waker::from(Arc::new(Bell {
            place,
            rings: Mutex::new(self.sender.clone()),
        }));
        let mut context = Context::from_waker(&waker);
        loop {
            match worker.completion.poll_piece(&mut context) {
                Poll::Pending => {
                    self.workers[place] = Some(worker);
                    return Ok(());
                }
                Poll::Ready(Some(Ok(piece))) => worker.written.push_str(&piece),
                Poll::Ready(Some(Err(error))) => {
                    return self.failed(place, worker, error);
                }
                Poll::Ready(None) => return self.answered(place, worker),
            }
        }
    }

    /// A reply is complete.
    fn answered(&mut self, place: usize, mut worker: Worker) -> Result<()> {
        let end = match worker.completion.ended().cloned() {
            Ok(end) => end,
            Err(error) => return self.failed(place, worker, error),
        };
        let (index, section) = (worker.index, worker.draft.section());
        let written = std::mem::take(&mut worker.written);
        let taken = match self.inventor.take(&mut worker.draft, &written, &end) {
            Ok(taken) => taken,
            Err(error) => return self.failed(place, worker, error),
        };
        worker.lost = 0;
        let rejected = match taken {
            Taken::Rejected(fault) => Some(fault),
            Taken::Extended | Taken::Written(..) => None,
        };
        (self.report)(Event::Answered {
            index,
            section,
            tokens: end.reply_tokens,
            rejected,
        })?;
        match worker.draft.finished() {
            Some(character) => {
                // The next request goes in before anything is written to a disk: the engine waits for it.
                self.replace(place, worker)?;
                self.finished(index, Ok(character))
            }
            None => self.ask(place, worker),
        }
    }

    /// A reply failed: a lost server is asked again, or another one.
    fn failed(&mut self, place: usize, mut worker: Worker, error: Error) -> Result<()> {
        let index = worker.index;
        if error.kind() == Kind::Busy && worker.lost < MOST_LOST {
            worker.lost += 1;
            worker.written.clear();
            (self.report)(Event::Lost { index, error })?;
            return self.ask(place, worker);
        }
        self.replace(place, worker)?;
        self.finished(index, Err(error))
    }

    /// Hands in the next request of a character.
    fn ask(&mut self, place: usize, mut worker: Worker) -> Result<()> {
        let started = self
            .request(worker.index, &mut worker.draft)
            .and_then(|request| self.inventor.engine.start(request));
        match started {
            Ok(completion) => {
                // The old reply goes when the new one is there: that is what the engine holds on for.
                worker.completion = completion;
                self.workers[place] = Some(worker);
                self.ring(place);
                Ok(())
            }
            Err(error) => {
                let index = worker.index;
                self.replace(place, worker)?;
                self.finished(index, Err(error))
            }
        }
    }

    /// Gives the place of a finished character to the next wish.
    fn replace(&mut self, place: usize, old: Worker) -> Result<()> {
        while let Some((index, draft, request)) = self.begin()? {
            match self.inventor.engine.start(request) {
                Ok(completion) => {
                    drop(old);
                    self.workers[place] = Some(Worker::new(index, draft, completion));
                    self.ring(place);
                    return Ok(());
                }
                Err(error) => self.finished(index, Err(error))?,
            }
        }
        Ok(())
    }
}
