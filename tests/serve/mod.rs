//! The server, driven over real sockets by a client that can also misbehave.

mod cards;
mod choices;
mod contract;
mod guard;
mod hostile;
mod own;
mod page;
mod running;
mod soak;

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use cardwright::engine::{Engine, Script};
use cardwright::serve::{Options, app, listen};
use serde_json::Value;
use tokio::sync::oneshot;

/// Longer than anything here takes, so that a hang is a failure and not a wait.
const PATIENCE: Duration = Duration::from_secs(20);

/// A running server; dropping it asks it to end and waits until it has.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    end: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
    log: Arc<Mutex<Vec<String>>>,
}

impl Server {
    pub(crate) fn new(engine: Arc<dyn Engine>) -> Self {
        Self::with(engine, Options::default())
    }

    fn script(replies: &[&[&str]]) -> (Self, Arc<Script>) {
        let script = Arc::new(Script::replies(replies.iter().map(|reply| reply.to_vec())));
        (Self::new(Arc::clone(&script) as Arc<dyn Engine>), script)
    }

    /// A server with a folder of cards.
    fn of_cards(folder: &Path) -> Self {
        let options = Options {
            cards: Some(folder.to_owned()),
            ..Options::default()
        };
        Self::with(Arc::new(Script::new(["a"])), options)
    }

    fn with(engine: Arc<dyn Engine>, options: Options) -> Self {
        let log = Arc::new(Mutex::new(Vec::new()));
        let lines = Arc::clone(&log);
        let options = Options {
            log: Arc::new(move |line| lines.lock().unwrap().push(line.to_owned())),
            ..options
        };
        let socket = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = socket.local_addr().unwrap();
        socket.set_nonblocking(true).unwrap();
        let (end, ended) = oneshot::channel();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_multi_thread()
                .worker_threads(1)
                .enable_all()
                .build()
                .unwrap();
            runtime.block_on(async {
                let socket = tokio::net::TcpListener::from_std(socket).unwrap();
                listen(socket, app(engine, options), async {
                    let _ = ended.await;
                })
                .await;
            });
        });
        Self {
            address,
            end: Some(end),
            thread: Some(thread),
            log,
        }
    }

    fn log(&self) -> Vec<String> {
        self.log.lock().unwrap().clone()
    }

    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream
    }

    /// Sends a request and leaves the connection open.
    fn open(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: impl AsRef<[u8]>,
    ) -> TcpStream {
        let body = body.as_ref();
        let mut stream = self.connect();
        let mut head = format!("{method} {path} HTTP/1.1\r\nconnection: close\r\n");
        if !headers.iter().any(|(name, _)| *name == "host") {
            head += &format!("host: {}\r\n", self.address);
        }
        for (name, value) in headers {
            head += &format!("{name}: {value}\r\n");
        }
        head += &format!("content-length: {}\r\n\r\n", body.len());
        stream.write_all(head.as_bytes()).unwrap();
        stream.write_all(body).unwrap();
        stream
    }

    fn ask(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: impl AsRef<[u8]>,
    ) -> Answer {
        Answer::read(self.open(method, path, headers, body))
    }

    fn get(&self, path: &str) -> Answer {
        self.ask("GET", path, &[], "")
    }

    fn post(&self, path: &str, body: &Value) -> Answer {
        let headers = [("content-type", "application/json")];
        self.ask("POST", path, &headers, body.to_string())
    }

    /// Waits until the metric has that value.
    fn wait_for(&self, metric: &str, value: f64) {
        let line = format!("cardwright_{metric} {value}");
        let start = std::time::Instant::now();
        while !self.get("/metrics").body.lines().any(|given| given == line) {
            assert!(start.elapsed() < PATIENCE, "{line} never came");
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(end) = self.end.take() {
            let _ = end.send(());
        }
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// An answer, complete.
#[derive(Debug)]
struct Answer {
    status: u16,
    head: String,
    body: String,
}

impl Answer {
    fn read(mut stream: TcpStream) -> Self {
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).unwrap();
        // A picture is no text; what is looked at of it is its head.
        let text = String::from_utf8_lossy(&bytes);
        let (head, body) = text.split_once("\r\n\r\n").expect("an answer has a head");
        let head = head.to_ascii_lowercase();
        let body = if head.contains("transfer-encoding: chunked") {
            unchunk(body)
        } else {
            body.to_owned()
        };
        Self {
            status: head[9..12].parse().unwrap(),
            head,
            body,
        }
    }

    fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|e| panic!("{e}: {self:?}"))
    }

    fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines();
        lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
    }

    /// The data of a stream's events.
    fn data(&self) -> Vec<&str> {
        let lines = self.body.lines();
        lines
            .filter_map(|line| line.strip_prefix("data: "))
            .collect()
    }

    /// The JSON data of a stream's events.
    fn events(&self) -> Vec<Value> {
        let data = self.data().into_iter();
        data.filter_map(|data| serde_json::from_str(data).ok())
            .collect()
    }
}

fn unchunk(mut text: &str) -> String {
    let mut whole = String::new();
    while let Some((size, rest)) = text.split_once("\r\n") {
        let size = usize::from_str_radix(size, 16).unwrap();
        whole += &rest[..size];
        text = &rest[size + 2..];
    }
    whole
}
