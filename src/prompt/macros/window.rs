//! Macros that only a running chat window, its settings or its extensions can answer.
//!
//! They stay in the text and are reported, unless the caller knows better: a prompt format that stands for an instruct preset
//! gives `instructInput` and its family in the context's values.

use super::Reason;
use super::table::Row;

pub(super) const ROWS: &[Row] = &[
    Row::window(&["input"]),
    Row::window(&["ismobile"]),
    Row::window(&["idleduration", "idle_duration"]),
    Row::window(&["lastgenerationtype"]),
    Row::new(&["hasextension"], 1..=1, |_, _| Err(Reason::NeedsFrontEnd)),
    Row::window(&["firstincludedmessageid"]),
    Row::window(&["firstdisplayedmessageid"]),
    Row::window(&["lastswipeid"]),
    Row::window(&["currentswipeid"]),
    Row::window(&["maxprompt", "maxprompttokens"]),
    Row::window(&["maxcontext", "maxcontexttokens"]),
    Row::window(&["maxresponse", "maxresponsetokens"]),
    Row::window(&["instructstorystringprefix"]),
    Row::window(&["instructstorystringsuffix"]),
    Row::window(&["instructuserprefix", "instructinput"]),
    Row::window(&["instructusersuffix"]),
    Row::window(&["instructassistantprefix", "instructoutput"]),
    Row::window(&["instructassistantsuffix", "instructseparator"]),
    Row::window(&["instructsystemprefix"]),
    Row::window(&["instructsystemsuffix"]),
    Row::window(&["instructfirstassistantprefix", "instructfirstoutputprefix"]),
    Row::window(&["instructlastassistantprefix", "instructlastoutputprefix"]),
    Row::window(&["instructstop"]),
    Row::window(&["instructuserfiller"]),
    Row::window(&["instructsysteminstructionprefix"]),
    Row::window(&["instructfirstuserprefix", "instructfirstinput"]),
    Row::window(&["instructlastuserprefix", "instructlastinput"]),
    Row::window(&[
        "defaultsystemprompt",
        "instructsystem",
        "instructsystemprompt",
    ]),
    Row::window(&["systemprompt"]),
    Row::window(&["exampleseparator", "chatseparator"]),
    Row::window(&["chatstart"]),
];
