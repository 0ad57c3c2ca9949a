//! Which way of asking suits a model: the one place that decides it.
//!
//! A model that was taught LimaRP is given `<<SYSTEM>>` and the name and goes on by itself. A model that was taught to
//! follow instructions is asked in its own chat template. Any other model is shown examples in the layout first.

use super::inventor::Options;
use crate::Result;
use crate::engine::{Adapter, Engine, ModelInfo};
use crate::prompt::chat_template::{self, Said};

/// Examples for a model of which nothing is known.
const SHOTS: usize = 2;

/// A way to bring a model to write a character.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// By instructions in the model's chat template, one section after the other.
    Instructions,
    /// By the layout of the format: the prompt ends where the next section begins.
    Layout {
        /// How many finished characters stand before it.
        shots: usize,
    },
    /// The plain LimaRP way: the head of the system text and the name. Nothing holds what follows to the layout; it is
    /// only checked.
    Raw,
}

impl Method {
    /// The way that `options` ask for, else the one that suits the model.
    #[must_use]
    pub fn of(options: &Options, engine: &dyn Engine) -> Self {
        match (options.raw, options.shots) {
            (true, _) => Self::Raw,
            (false, Some(shots)) => Self::Layout { shots },
            (false, None) if options.instructions => Self::Instructions,
            (false, None) => Self::suits(engine),
        }
    }

    /// The way that suits the model of an engine, with its adapters.
    #[must_use]
    pub fn suits(engine: &dyn Engine) -> Self {
        if knows_limarp(engine) {
            Self::Layout { shots: 0 }
        } else if has_instructions(engine.model()) {
            Self::Instructions
        } else {
            Self::Layout { shots: SHOTS }
        }
    }

    /// Its name in reports and manifests.
    #[must_use]
    pub fn name(self) -> String {
        match self {
            Self::Instructions => "instructions".into(),
            Self::Layout { shots: 0 } => "layout".into(),
            Self::Layout { shots } => format!("layout-{shots}-shots"),
            Self::Raw => "raw".into(),
        }
    }
}

/// Whether the model was taught LimaRP: a merged model says so in its name, an adapter in that of its file.
fn knows_limarp(engine: &dyn Engine) -> bool {
    let is_limarp = |name: &str| name.to_lowercase().contains("lima");
    let is_adapter = |adapter: &Adapter| {
        let name = adapter.path.file_name().unwrap_or_default();
        adapter.scale > 0.0 && is_limarp(&name.to_string_lossy())
    };
    is_limarp(&engine.model().name) || engine.adapters().iter().any(is_adapter)
}

/// Whether the model has a chat template that we can render.
fn has_instructions(model: &ModelInfo) -> bool {
    takes_instructions(model).is_ok()
}

/// Why the model cannot be asked in its chat template, if it cannot.
pub(super) fn takes_instructions(model: &ModelInfo) -> Result<()> {
    model.format()?;
    let said = |role, content| Said {
        role,
        content,
        name: None,
    };
    let template = model.chat_template.as_deref().unwrap_or_default();
    let probe = [said("system", "a"), said("user", "b")];
    chat_template::render(template, model.special_tokens(), &probe).map(drop)
}
