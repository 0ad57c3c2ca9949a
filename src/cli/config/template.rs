//! The settings file that a person begins with.

use super::keys::{KEYS, What};
use crate::sampling::Range;

/// A settings file in which every setting stands with its default, as a comment.
pub(in crate::cli) fn template() -> String {
    let mut text = String::from(
        "# The settings of cardwright. A flag of the command line beats an environment variable, which beats this file.\n\
         # What stands behind a `#` is the default, or an example; take the `#` away to change it.\n\
         # `cardwright config show` tells which values count and where they come from.\n",
    );
    let mut table = "";
    for key in KEYS.iter() {
        let (of, name) = key.name.rsplit_once('.').unwrap_or(("", &key.name));
        if of != table {
            text.push_str(&format!("\n[{of}]\n"));
            table = of;
        }
        let value = match (key.what, key.default.as_str()) {
            (What::Switch, "yes") => "true".to_owned(),
            (What::Switch, _) => "false".to_owned(),
            (What::Sampler(row), default) if matches!(row.range, Range::Switch) => {
                (default == "yes").to_string()
            }
            (What::Sampler(_), default) => default.to_owned(),
            (What::Paths, _) => "[\"adapter.gguf:0.66\"]".to_owned(),
            (What::Whole(..), "") => match name {
                "context" => "4096".to_owned(),
                "gpu_layers" => "99".to_owned(),
                _ => "4".to_owned(),
            },
            (What::Whole(..), default) => default.to_owned(),
            (_, "") => match name {
                "user" => "\"Mina\"".to_owned(),
                "user_persona" => "\"Mina is a traveller with wet boots.\"".to_owned(),
                "format" => "\"limarp-v1\"".to_owned(),
                "human_tag" => "\"human\"".to_owned(),
                "length" => "\"medium\"".to_owned(),
                folder => format!("\"~/{folder}\""),
            },
            (_, default) => format!("\"{default}\""),
        };
        text.push_str(&format!("\n# {}\n#{name} = {value}\n", key.about));
    }
    text
}
