//! Prompt formats and their validator.

mod chat_file;
mod check;
mod dataset;
mod fit;
mod golden;
mod import;
mod lore;
mod matrix;
mod model_format;
mod preset;
mod prose;
mod prose_command;
mod render;
mod round_trip;
mod scene;
mod soup;

use cardwright::prompt::{Conversation, Message, Role};

/// A chat template as many models have it.
pub(crate) const CHATML: &str = "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}";

/// The conversation that every golden file holds.
fn museum(open: Option<Role>) -> Conversation {
    let message = |role, text: &str| Message {
        role,
        text: text.into(),
    };
    Conversation {
        char: "Lucian".into(),
        user: "Ann".into(),
        char_persona: "Lucian is a courteous vampire of great age, who keeps a small museum of clocks and never raises \
                       his voice."
            .into(),
        user_persona: "Ann is a young clockmaker with ink on her fingers and a curious mind.".into(),
        scenario: "Ann comes to the museum after closing time to mend a clock. Lucian receives her and shows her around."
            .into(),
        instruction: None,
        length: Some("long".into()),
        messages: vec![
            message(
                Role::Char,
                "Lucian bowed and held the heavy door open. \"Good evening. You must be the clockmaker.\"\n\nBehind him, \
                 forty pendulums swung in step.",
            ),
            message(Role::User, "\"I am. Which one is ill?\" Ann asked."),
        ],
        open,
    }
}
