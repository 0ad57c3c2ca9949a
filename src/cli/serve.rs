//! `serve`: the back-end that SillyTavern and other front-ends connect to.

use std::net::TcpListener;
use std::path::PathBuf;
use std::sync::Arc;

use super::engine::{Load, ModelArgs, SamplerArgs};
use super::{Answer, output};
use crate::engine::{Engine, MODEL_FORMAT};
use crate::prompt::Format;
use crate::serve::{Options, app, listen};
use crate::{Error, Kind, Result};
use clap::Args;

/// Answer SillyTavern and other front-ends over HTTP
///
/// One port speaks OpenAI's, llama.cpp's, text-generation-webui's and KoboldCpp's language, and shows a page of its own to a
/// browser: cards, prompts, chats, new characters. Interrupt it once to let replies end, twice to stop at once.
#[derive(Debug, Args)]
pub(super) struct ServeArgs {
    /// The address to listen on; any but a loopback address needs `--api-key`
    #[arg(long, default_value = "127.0.0.1", value_name = "ADDRESS")]
    host: String,
    /// The port to listen on; 0 takes a free one
    #[arg(long, default_value_t = 5001)]
    port: u16,
    /// The key that clients must show
    #[arg(
        long,
        env = "CARDWRIGHT_API_KEY",
        hide_env_values = true,
        value_name = "KEY"
    )]
    api_key: Option<String>,
    /// A host name by which the server may be called, besides localhost and addresses; may be repeated
    #[arg(long, value_name = "NAME")]
    allow_host: Vec<String>,
    /// The origin of a web page that may call the server from a browser; may be repeated
    #[arg(long, value_name = "https://HOST")]
    allow_origin: Vec<String>,
    /// The format of chat completions: a name of `prompt formats`, or `model` for the model's own chat template [default:
    /// that, where it has one, else limarp-v1]
    #[arg(long, value_name = "NAME")]
    format: Option<String>,
    /// The most tokens to write where a request does not say
    #[arg(short = 'n', long, default_value_t = 300, value_name = "COUNT")]
    tokens: usize,
    /// Check every prompt that arrives and say what is wrong with it
    #[arg(long)]
    watch: bool,
    /// A folder whose cards the page and clients can list, read, edit and add to
    #[arg(long, value_name = "FOLDER", value_hint = clap::ValueHint::DirPath)]
    cards: Option<PathBuf>,
    /// A folder for what slots hold, which clients save and restore by name
    #[arg(long, value_name = "FOLDER", value_hint = clap::ValueHint::DirPath)]
    slot_save_path: Option<PathBuf>,
    #[command(flatten)]
    model: ModelArgs,
    #[command(flatten)]
    sampler: SamplerArgs,
}

/// Replies at the same time when nobody says otherwise.
const PARALLEL: usize = 4;

/// Runs `serve`.
pub(super) fn serve(arguments: &ServeArgs) -> Result<Answer> {
    let options = arguments.options()?;
    // Before the model is loaded: a port that is taken should be known at once.
    let socket = arguments.bind()?;
    let engine: Arc<dyn Engine> = Arc::from(arguments.model.load_for(Load::of(PARALLEL))?);
    if arguments.format.as_deref() == Some(MODEL_FORMAT) {
        engine.model().format()?;
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(|e| cannot("start the server", e))?;
    let served = runtime.block_on(run(socket, engine, options));
    // What still runs has had its time.
    runtime.shutdown_background();
    served.map(|()| Answer::Yes)
}

async fn run(socket: TcpListener, engine: Arc<dyn Engine>, options: Options) -> Result<()> {
    let address = socket.local_addr().map_err(|e| cannot("listen", e))?;
    let socket = socket
        .set_nonblocking(true)
        .and_then(|()| tokio::net::TcpListener::from_std(socket))
        .map_err(|e| cannot("listen", e))?;
    let model = engine.model();
    output::say(&format!(
        "{}: {} replies at a time, {} tokens each",
        output::escape(&model.name),
        model.slots,
        model.context
    ));
    output::say(&format!("listening on http://{address}"));
    let (ask_to_end, asked_to_end) = tokio::sync::oneshot::channel::<()>();
    let served = listen(socket, app(engine, options), async {
        let _ = asked_to_end.await;
    });
    tokio::pin!(served);
    let mut ask_to_end = Some(ask_to_end);
    loop {
        tokio::select! {
            () = &mut served => return Ok(()),
            () = signalled() => {}
        }
        match ask_to_end.take() {
            Some(ask) => {
                output::say("waiting for replies to end");
                let _ = ask.send(());
            }
            None => return Ok(()),
        }
    }
}

/// Waits for an interrupt or, where there is such a thing, a request to terminate.
async fn signalled() {
    #[cfg(unix)]
    if let Ok(mut terminate) =
        tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())
    {
        tokio::select! {
            _ = tokio::signal::ctrl_c() => {}
            _ = terminate.recv() => {}
        }
        return;
    }
    let _ = tokio::signal::ctrl_c().await;
}

impl ServeArgs {
    fn options(&self) -> Result<Options> {
        if self
            .api_key
            .as_deref()
            .is_some_and(|key| key.trim().is_empty())
        {
            return Err(Error::new(Kind::Usage, "the API key is empty"));
        }
        let defaults = Options::default();
        Ok(Options {
            settings: self.sampler.over(defaults.settings)?,
            max_tokens: self.tokens,
            key: self.api_key.clone(),
            hosts: self
                .allow_host
                .iter()
                .chain([&self.host])
                .cloned()
                .collect(),
            origins: self.allow_origin.clone(),
            format: match self.format.as_deref() {
                None | Some(MODEL_FORMAT) => None,
                Some(name) => Some(Format::named(name)?),
            },
            watch: self.watch,
            cards: folder(self.cards.as_ref())?,
            slots: folder(self.slot_save_path.as_ref())?,
            log: Arc::new(|line| output::say(&output::escape(line))),
        })
    }

    fn bind(&self) -> Result<TcpListener> {
        let place = format!("{}:{}", self.host, self.port);
        let listener = TcpListener::bind((self.host.as_str(), self.port)).map_err(|e| {
            cannot("listen", e)
                .at(&*place)
                .hint("choose another with `--port`")
        })?;
        let address = listener
            .local_addr()
            .map_err(|e| cannot("listen", e).at(&*place))?;
        if !address.ip().is_loopback() && self.api_key.is_none() {
            let message = "everybody in the network could use the model";
            return Err(Error::new(Kind::Usage, message)
                .at(place)
                .hint("set a key with `--api-key`, or leave out `--host`"));
        }
        Ok(listener)
    }
}

/// The folder, if it is one: better said now than at the first request.
fn folder(named: Option<&PathBuf>) -> Result<Option<PathBuf>> {
    let Some(folder) = named else {
        return Ok(None);
    };
    match std::fs::read_dir(folder) {
        Ok(_) => Ok(Some(folder.clone())),
        Err(e) => Err(Error::file("list", folder, e)),
    }
}

fn cannot(action: &str, error: std::io::Error) -> Error {
    Error::new(Kind::File, format!("cannot {action}: {error}")).source(error)
}
