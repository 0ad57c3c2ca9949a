//! Ten minutes of random arrivals and cancellations on the default model: everybody is answered, and memory stays flat.
//!
//! `cargo test --release -- --ignored soak`; `CARDWRIGHT_SOAK` sets another number of seconds.
#![cfg(target_os = "linux")]

use std::task::Poll;
use std::time::{Duration, Instant};

use cardwright::engine::Completion;
use cardwright::weights::store;
use rand::SeedableRng as _;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::Rng as _;

use super::*;

/// The memory that this process holds, in MiB.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status
        .lines()
        .find(|line| line.starts_with("VmRSS:"))
        .unwrap();
    line.split_whitespace()
        .nth(1)
        .unwrap()
        .parse::<u64>()
        .unwrap()
        >> 10
}

struct Soak {
    engine: Llama,
    random: ChaCha8Rng,
    running: Vec<Completion>,
    /// Requests that ended, were cancelled, and were turned away.
    counts: [u64; 3],
}

impl Soak {
    fn below(&mut self, end: u64) -> usize {
        (self.random.next_u64() % end) as usize
    }

    fn arrive(&mut self) {
        const HEADS: [&str; 3] = [
            "Mara keeps the lighthouse. She speaks little and listens well.\n",
            "Tom repairs clocks in a town by the sea. He hums while he works.\n",
            "Ida draws maps of places that she has not seen yet.\n",
        ];
        let head = HEADS[self.below(3)];
        let middle = "The rain had stopped, and the harbour was quiet. ".repeat(self.below(20));
        let number = self.below(1000);
        let mut request = Request {
            max_tokens: 1 + self.below(60),
            stop: vec!["\n\n".into()],
            ..Request::new(format!("{head}{middle}Question {number}:"))
        };
        request.settings.seed = Some(self.random.next_u64());
        if self.below(4) == 0 {
            request.settings.banned_strings = vec![" the".into(), "shivers".into()];
        }
        if self.below(6) == 0 {
            request.grammar = Some("root ::= [a-zA-Z ,.]{5,40} \"\\n\"".into());
        }
        if self.below(5) == 0 {
            request.logprobs = Some(3);
        }
        match self.engine.start(request) {
            Ok(completion) => self.running.push(completion),
            Err(error) => {
                assert_eq!(error.kind(), Kind::Busy, "{error}");
                self.counts[2] += 1;
            }
        }
    }

    /// Reads what has come.
    fn listen(&mut self) {
        let mut at = 0;
        while at < self.running.len() {
            match self.running[at].wait_piece(Duration::ZERO) {
                Poll::Pending => at += 1,
                Poll::Ready(Some(piece)) => drop(piece.unwrap()),
                Poll::Ready(None) => {
                    assert!(self.running[at].end().is_some());
                    self.running.swap_remove(at);
                    self.counts[0] += 1;
                }
            }
        }
    }
}

#[test]
#[ignore = "it takes ten minutes and the default model"]
fn a_soak_of_arrivals_and_cancellations_leaves_memory_flat() {
    let seconds = std::env::var("CARDWRIGHT_SOAK");
    let seconds: u64 = seconds.map_or(600, |text| text.parse().unwrap());
    let engine = Llama::load(&Options {
        slots: 6,
        threads: Some(1),
        queue: 20,
        context: Some(1024),
        prompt_cache: Some(64 << 20),
        ..Options::new(store::resolve(store::DEFAULT).unwrap())
    })
    .unwrap();
    let mut soak = Soak {
        engine,
        random: ChaCha8Rng::seed_from_u64(1),
        running: Vec::new(),
        counts: [0; 3],
    };
    let start = Instant::now();
    let total = Duration::from_secs(seconds);
    let mut levels = Vec::new();
    while start.elapsed() < total {
        if soak.running.len() < 30 && soak.below(10) == 0 {
            soak.arrive();
        }
        if !soak.running.is_empty() && soak.below(120) == 0 {
            let at = soak.below(soak.running.len() as u64);
            soak.running.swap_remove(at);
            soak.counts[1] += 1;
        }
        soak.listen();
        std::thread::sleep(Duration::from_millis(5));
        let tenth = start.elapsed().as_millis() * 20 / total.as_millis();
        if levels.len() < tenth as usize {
            levels.push(resident());
            eprintln!(
                "{:?}: {} MiB, {:?}",
                start.elapsed(),
                resident(),
                soak.counts
            );
        }
    }
    while !soak.running.is_empty() {
        soak.listen();
        std::thread::sleep(Duration::from_millis(5));
    }
    assert!(
        soak.counts[0] > seconds / 4 && soak.counts[1] > seconds / 20,
        "{:?}",
        soak.counts
    );
    // The first fifth fills caches and the allocator's pools.
    let (early, late) = (levels[4], levels[levels.len() - 1]);
    assert!(late <= early + 16, "{levels:?} MiB");
}
