//! What is asked of the model, in which prompt, and what becomes of its answer.

use serde_json::json;

use super::{Chat, now};
use crate::engine::{Completion, Engine, Request};
use crate::prompt::chat_file::ChatMessage;
use crate::prompt::lore::{Timed, Trigger};
use crate::prompt::{Budget, Fit, Format, Role, Scene, Stage};
use crate::sampling::Settings;
use crate::{Error, Kind, Result};

/// What the model is to write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ask {
    /// The character's next turn.
    Reply,
    /// Another alternative of the character's last turn.
    Swipe,
    /// More of the character's last turn.
    Continue,
    /// The user's next turn, as a draft.
    Impersonate,
}

/// How replies are written.
#[derive(Debug, Clone, PartialEq)]
pub struct ReplyOptions {
    /// The most tokens of a reply. Default: 300.
    pub max_tokens: usize,
    /// How tokens are chosen. Default: the LimaRP settings.
    pub settings: Settings,
}

impl Default for ReplyOptions {
    fn default() -> Self {
        Self {
            max_tokens: 300,
            settings: Settings::default(),
        }
    }
}

impl Chat {
    /// Why this cannot be asked now; `None` when it can.
    #[must_use]
    pub fn refusal(&self, ask: Ask) -> Option<&'static str> {
        let last = self.last();
        let is_char = last.is_some_and(|turn| turn.role() == Role::Char);
        match ask {
            Ask::Reply | Ask::Impersonate => None,
            Ask::Swipe if !is_char => Some("there is no reply to write again"),
            Ask::Swipe if self.is_at_greeting() => {
                Some("the greeting is the card's; `/greeting N` takes another of its greetings")
            }
            Ask::Continue if !is_char => Some("there is no reply to go on with"),
            Ask::Swipe | Ask::Continue => None,
        }
    }

    /// The prompt for what is asked, and what it is made of. It is as long as the model's context allows: whole turns are
    /// left out from the oldest on, in blocks, so that the beginning stays the same over many turns and need not be
    /// evaluated again. The chat itself keeps them.
    ///
    /// # Errors
    ///
    /// [`Kind::Limit`] when the system text and the last turn alone are too long, [`Kind::Prompt`] when the format cannot
    /// hold the chat, [`Kind::Usage`] when this cannot be asked now.
    pub fn prompt(
        &self,
        ask: Ask,
        engine: &dyn Engine,
        format: &Format,
        options: &ReplyOptions,
    ) -> Result<Fit> {
        self.fit(ask, engine, format, options).map(|(fit, _)| fit)
    }

    /// The prompt, and what lorebook entries remember of it.
    pub(super) fn fit(
        &self,
        ask: Ask,
        engine: &dyn Engine,
        format: &Format,
        options: &ReplyOptions,
    ) -> Result<(Fit, Timed)> {
        if let Some(why) = self.refusal(ask) {
            return Err(Error::new(Kind::Usage, why));
        }
        let mut said = self.file.clone();
        said.messages_mut().truncate(self.before(ask));
        let count = |text: &str| engine.count(text);
        let context = engine.model().context;
        let reply = options.max_tokens.min(context / 2);
        let stage = Stage {
            chat: Some(&said),
            lore: &self.lore,
            rules: self.rules,
            room: Some(context - reply),
            trigger: match ask {
                Ask::Reply => Trigger::Normal,
                Ask::Swipe => Trigger::Swipe,
                Ask::Continue => Trigger::Continue,
                Ask::Impersonate => Trigger::Impersonate,
            },
            file: &self.name,
            counter: &count,
        };
        let (mut scene, _, timed) = Scene::of_card(&self.card, &self.cast, stage)?;
        let role = match ask {
            Ask::Impersonate => Role::User,
            _ => Role::Char,
        };
        scene.open(Some(role));
        let last = self.last();
        let begun = match (ask, &last) {
            (Ask::Continue, Some(last)) => last.text().trim_end(),
            _ => "",
        };
        // What is begun stands in the prompt and is not among the turns that may go.
        let budget = Budget {
            context,
            reply: reply + engine.count(begun)?,
            ..Budget::default()
        };
        let mut fit = scene.fit(format, budget, &count)?;
        if !begun.is_empty() {
            format.begin_turn(&mut fit.prompt, role, begun);
            fit.tokens = engine.count(&fit.prompt)?;
        }
        Ok((fit, timed))
    }

    /// How many messages stand before what is asked for.
    fn before(&self, ask: Ask) -> usize {
        let last = match ask {
            Ask::Swipe | Ask::Continue => self.last_place(),
            Ask::Reply | Ask::Impersonate => None,
        };
        last.unwrap_or(self.file.messages().len())
    }

    /// Asks the model. Hand the text to [`Chat::take`] when it is complete.
    ///
    /// # Errors
    ///
    /// Those of [`Chat::prompt`] and of the engine.
    pub fn ask(
        &self,
        ask: Ask,
        engine: &dyn Engine,
        format: &Format,
        options: &ReplyOptions,
    ) -> Result<Completion> {
        let fit = self.prompt(ask, engine, format, options)?;
        engine.start(self.request(ask, &fit, engine, format, options)?)
    }

    /// The request for what is asked, with the prompt that fits.
    pub(super) fn request(
        &self,
        ask: Ask,
        fit: &Fit,
        engine: &dyn Engine,
        format: &Format,
        options: &ReplyOptions,
    ) -> Result<Request> {
        if ask == Ask::Impersonate && format.is_chat_template() {
            let message = "the chat template of a model opens no turn of the user's";
            return Err(Error::new(Kind::Usage, message)
                .hint("write it yourself, or take another `--format`"));
        }
        let mut settings = options.settings.clone();
        settings.seed = settings.seed.map(|seed| seed.wrapping_add(self.draw(ask)));
        let mut cast = self.conversation.clone();
        if ask == Ask::Impersonate {
            // The other of the two is who must not speak.
            std::mem::swap(&mut cast.char, &mut cast.user);
        }
        let context = engine.model().context;
        let room = context.saturating_sub(fit.tokens);
        Ok(Request {
            special_tokens: format.has_special_tokens(),
            settings,
            max_tokens: options.max_tokens.min(context / 2).min(room).max(1),
            stop: format.stop_strings(&cast),
            ..Request::new(fit.prompt.clone())
        })
    }

    /// Another place in the chat and another alternative are another draw of the same seed.
    fn draw(&self, ask: Ask) -> u64 {
        let turns = self.before(ask) as u64 * 1000;
        let last = self.last();
        turns
            + match ask {
                Ask::Reply => 0,
                Ask::Swipe => last.map_or(0, |turn| turn.swipes().len() as u64),
                Ask::Continue => last.map_or(0, |turn| 500 + turn.text().len() as u64),
                Ask::Impersonate => 900,
            }
    }

    /// Takes in what the model wrote: as a new turn, as another alternative of the last one, or as more of it. A draft is
    /// given back cleaned and changes nothing. `None` when there is nothing in it.
    pub fn take(&mut self, ask: Ask, text: &str, model: &str) -> Option<String> {
        let clean = text.trim();
        if clean.is_empty() {
            return None;
        }
        match ask {
            Ask::Impersonate => {}
            Ask::Reply => self.push(false, clean),
            Ask::Swipe => self.last_message()?.add_swipe(clean),
            Ask::Continue => {
                let message = self.last_message()?;
                let more = format!("{}{}", message.text().trim_end(), text.trim_end());
                message.set_text(&more);
            }
        }
        if matches!(ask, Ask::Reply | Ask::Swipe) {
            let message = self.last_message()?;
            message.set("send_date", now().into());
            message.set("extra", json!({"api": "cardwright", "model": model}));
        }
        Some(clean.to_owned())
    }

    fn last_message(&mut self) -> Option<&mut ChatMessage> {
        let at = self.last_place()?;
        self.file.messages_mut().get_mut(at)
    }
}
