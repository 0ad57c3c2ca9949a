//! Which entries of a lorebook a chat brings in.

use cardwright::card::Lorebook;
use cardwright::prompt::Voice;
use cardwright::prompt::chat_file::ChatFile;
use cardwright::prompt::lore::{First, Lore, Position, Scan, Timed, Trigger, activate};
use serde_json::{Value, json};

/// A book of these entries, each with the fields that all need.
fn book(entries: Value) -> Vec<Lore> {
    let entries: Vec<Value> = entries
        .as_array()
        .unwrap()
        .iter()
        .enumerate()
        .map(|(at, entry)| {
            let mut all = json!({"enabled": true, "insertion_order": at, "extensions": {}, "comment": format!("e{at}")});
            for (key, value) in entry.as_object().unwrap() {
                all[key] = value.clone();
            }
            all
        })
        .collect();
    let book = json!({"name": "b", "extensions": {}, "entries": entries});
    Lore::of_book(&Lorebook::from_value(&book).unwrap(), "")
}

/// What became of each entry: `+` and the reason, or `-` and the reason.
fn fates(scan: &Scan<'_>) -> Vec<String> {
    let found = activate(scan).unwrap();
    let fates = found.fates.iter();
    fates
        .map(|fate| format!("{} {}", if fate.joins { '+' } else { '-' }, fate.reason))
        .collect()
}

#[test]
fn only_the_last_messages_are_searched() {
    let lore = book(json!([
        {"keys": ["tea"], "content": "a"},
        {"keys": ["tea"], "content": "b", "extensions": {"scan_depth": 3}},
        {"keys": ["tea"], "content": "@@scan_depth 1\nc"},
        {"keys": ["rain"], "content": "@@scan_depth 1\nd"},
    ]));
    let scan = Scan::new(&lore, &["tea", "snow", "rain"]);
    assert_eq!(
        fates(&scan),
        [
            "- no key is mentioned",
            "+ key `tea`",
            "- no key is mentioned",
            "+ key `rain`"
        ]
    );
    assert_eq!(activate(&scan).unwrap().after(), "b\nd");
}

#[test]
fn secondary_keys_have_four_logics() {
    let entry = |logic: u8| {
        json!({"keys": ["lamp"], "secondary_keys": ["oil", "wick"], "selective": true, "content": "x",
               "extensions": {"selectiveLogic": logic}})
    };
    let lore = book(json!([entry(0), entry(1), entry(2), entry(3)]));
    let joins = |text: &str| -> String {
        fates(&Scan::new(&lore, &[text]))
            .iter()
            .map(|fate| &fate[..1])
            .collect()
    };
    assert_eq!(joins("lamp"), "-++-");
    assert_eq!(joins("lamp, oil"), "++--");
    assert_eq!(joins("lamp, oil, wick"), "+--+");
    assert_eq!(joins("oil, wick"), "----");
}

#[test]
fn entries_bring_in_others_unless_told_not_to() {
    let lore = book(json!([
        {"keys": ["one"], "content": "two three"},
        {"keys": ["two"], "content": "four", "extensions": {"prevent_recursion": true}},
        {"keys": ["three"], "content": "x", "extensions": {"exclude_recursion": true}},
        {"keys": ["four"], "content": "x"},
        {"keys": ["one"], "content": "x", "extensions": {"delay_until_recursion": true}},
        {"keys": ["one"], "content": "x", "extensions": {"delay_until_recursion": 2}},
    ]));
    let mut scan = Scan::new(&lore, &["one"]);
    insta::assert_snapshot!(fates(&scan).join("\n"));
    scan.lore = &lore[..4];
    scan.rules.recursive = false;
    let joined = activate(&scan).unwrap().joined;
    assert_eq!(joined, [(0, "two three".to_owned())]);
}

#[test]
fn chance_is_the_same_for_the_same_seed_and_fair_over_many() {
    let lore = book(json!([{"keys": ["x"], "content": "y", "extensions": {"probability": 30}}]));
    let joins = |seed: u64| {
        let mut scan = Scan::new(&lore, &["x"]);
        scan.seed = seed;
        activate(&scan).unwrap().fates[0].joins
    };
    let count = (0..1000).filter(|seed| joins(*seed)).count();
    assert!((250..350).contains(&count), "{count} of 1000");
    assert!((0..50).all(|seed| joins(seed) == joins(seed)));
}

#[test]
fn the_budget_lets_the_highest_orders_in_first() {
    let lore = book(json!([
        {"keys": ["x"], "content": "low"},
        {"keys": ["x"], "content": "one two three four five six seven"},
        {"keys": ["x"], "content": "high enough"},
        {"keys": ["x"], "content": "always", "insertion_order": 0, "extensions": {"ignore_budget": true}},
    ]));
    let mut scan = Scan::new(&lore, &["x"]);
    let words = |text: &str| Ok(text.split_whitespace().count());
    scan.counter = &words;
    scan.rules.budget = Some(5);
    insta::assert_snapshot!(fates(&scan).join("\n"));
}

#[test]
fn a_books_own_budget_drops_what_it_ranks_lowest() {
    let value = json!({"name": "b", "token_budget": 3, "extensions": {}, "entries": [
        {"keys": ["x"], "content": "one two", "enabled": true, "insertion_order": 1, "priority": 1, "extensions": {}},
        {"keys": ["x"], "content": "three four", "enabled": true, "insertion_order": 0, "priority": 9, "extensions": {}},
    ]});
    let lore = Lore::of_book(&Lorebook::from_value(&value).unwrap(), "");
    let mut scan = Scan::new(&lore, &["x"]);
    let words = |text: &str| Ok(text.split_whitespace().count());
    scan.counter = &words;
    assert_eq!(
        fates(&scan),
        ["- over its book's budget of 3 tokens", "+ key `x`"]
    );
}

#[test]
fn sticky_entries_stay_and_then_rest() {
    let lore = book(json!([
        {"keys": ["storm"], "content": "x", "extensions": {"sticky": 2, "cooldown": 2}},
        {"keys": ["a"], "content": "y", "extensions": {"delay": 4}},
    ]));
    let texts = [
        "storm", "a", "b a", "c", "storm", "a storm", "storm", "storm",
    ];
    let mut timed = Timed::default();
    let mut shown = Vec::new();
    for count in 1..=texts.len() {
        let mut scan = Scan::new(&lore, &texts[..count]);
        scan.rules.scan_depth = 1;
        scan.timed = timed;
        shown.push(format!("{count}: {}", fates(&scan).join(" | ")));
        timed = activate(&scan).unwrap().timed;
        // What is remembered survives the chat file.
        let mut chat = ChatFile::new("Finn", "Mara");
        timed.keep_in(&mut chat);
        assert_eq!(Timed::of_chat(&chat), timed);
    }
    insta::assert_snapshot!(shown.join("\n"));
}

#[test]
fn one_entry_of_a_group_joins() {
    let lore = book(json!([
        {"keys": ["x"], "content": "a", "extensions": {"group": "g", "group_weight": 0}},
        {"keys": ["x"], "content": "b", "extensions": {"group": "g, h"}},
        {"keys": ["x"], "content": "c", "extensions": {"group": "h", "group_override": true}},
        {"keys": ["x", "y"], "content": "d", "extensions": {"group": "i", "use_group_scoring": true}},
        {"keys": ["x"], "content": "e", "extensions": {"group": "i", "use_group_scoring": true}},
    ]));
    insta::assert_snapshot!(fates(&Scan::new(&lore, &["x y"])).join("\n"));
}

#[test]
fn decorators_say_when_and_where() {
    let lore = book(json!([
        {"keys": ["x"], "content": "@@depth 2\n@@role user\n\nfor the user"},
        {"keys": ["x"], "content": "@@position before_desc\n@@depth 3\nabove"},
        {"keys": [], "content": "@@activate\n@@dont_activate\nalways"},
        {"keys": ["x"], "content": "@@dont_activate\nnever"},
        {"keys": ["x"], "content": "@@activate_only_after 3\nlater"},
        {"keys": ["x"], "content": "@@activate_only_every 2\neven"},
        {"keys": ["x"], "content": "@@is_greeting 1\nother"},
        {"keys": ["x"], "content": "@@additional_keys y,z\n@@additional_keys w\nboth"},
        {"keys": ["x"], "content": "@@exclude_keys w\nnot"},
        {"keys": ["x"], "content": "@@unheard_of 4\n@@@also_unknown\n@@@depth 1\n@@@depth 9\nfallback"},
        {"keys": ["x"], "content": "@@depth 5\n@@@depth 1\n@@depth 7\nfirst counts"},
        {"keys": ["x"], "content": "@@depth many\n@@@reverse_depth 0\nwrong value"},
        {"keys": ["x"], "content": "@@role assistant\nno depth"},
    ]));
    let mut scan = Scan::new(&lore, &["x", "w", "x y"]);
    scan.replies = 2;
    scan.greeting = Some(0);
    let found = activate(&scan).unwrap();
    let shown = fates(&scan)
        .iter()
        .zip(&lore)
        .map(|(fate, lore)| format!("{fate}: {:?} {:?}", lore.position, lore.content))
        .collect::<Vec<_>>();
    insta::assert_snapshot!(shown.join("\n"));
    assert_eq!(found.before(), "above");
    assert_eq!(
        found.at_depth(3),
        [
            (2, Voice::User, "for the user".to_owned()),
            (1, Voice::System, "fallback".to_owned()),
            (5, Voice::System, "first counts".to_owned()),
            (3, Voice::System, "wrong value".to_owned()),
        ]
    );
}

#[test]
fn what_joined_before_is_remembered_where_a_decorator_asks() {
    let lore = book(json!([
        {"keys": ["x"], "content": "@@keep_activate_after_match\nkeeps"},
        {"keys": ["x"], "content": "@@dont_activate_after_match\nonce"},
    ]));
    let first = activate(&Scan::new(&lore, &["x"])).unwrap();
    assert_eq!(first.joined.len(), 2);
    let mut later = Scan::new(&lore, &["x", "a", "b"]);
    later.timed = first.timed;
    insta::assert_snapshot!(fates(&later).join("\n"));
}

#[test]
fn other_texts_are_searched_where_an_entry_asks() {
    let lore = book(json!([
        {"keys": ["keeper"], "content": "a", "extensions": {"match_character_description": true}},
        {"keys": ["keeper"], "content": "b"},
    ]));
    let mut scan = Scan::new(&lore, &["x"]);
    scan.sources.description = "Mara is a keeper.";
    assert!(activate(&scan).unwrap().fates[0].joins);
    assert!(!activate(&scan).unwrap().fates[1].joins);
}

#[test]
fn world_info_files_and_lorebook_files_are_read() {
    let world = json!({"entries": {
        "0": {"uid": 0, "key": ["lamp"], "keysecondary": [], "comment": "The lamp", "content": "x", "constant": false,
              "selective": true, "selectiveLogic": 0, "order": 50, "position": 4, "depth": 2, "role": 1, "disable": false,
              "excludeRecursion": true, "matchWholeWords": false, "useProbability": true, "probability": 40,
              "group": "g", "groupWeight": 7, "sticky": 3, "scanDepth": null, "caseSensitive": null},
        "1": {"uid": 7, "key": ["oil"], "content": "y", "disable": true, "order": 3, "position": 7, "outletName": "out"},
    }});
    let lore = Lore::from_json(&world.to_string(), "w").unwrap();
    assert_eq!((lore[0].id.as_str(), lore[1].id.as_str()), ("w.0", "w.7"));
    assert_eq!(lore[0].position, Position::Depth(2, Voice::User));
    assert_eq!(lore[1].position, Position::Outlet("out".into()));
    assert_eq!((lore[0].probability, lore[0].sticky), (40.0, 3));
    assert!(lore[0].exclude_recursion && !lore[1].enabled);
    assert_eq!(
        (lore[0].whole_words, lore[0].group_weight),
        (Some(false), 7.0)
    );
    let v3 = json!({"spec": "lorebook_v3", "data": {"name": "n", "extensions": {}, "entries": [
        {"keys": ["l.mp"], "content": "x", "enabled": true, "insertion_order": 1, "use_regex": true, "constant": true, "extensions": {}}]}});
    let lore = Lore::from_json(&v3.to_string(), "w").unwrap();
    assert_eq!(lore[0].id, "n.0");
    assert_eq!(fates(&Scan::new(&lore, &["LAMP"])), ["+ key `l.mp`"]);
    assert_eq!(fates(&Scan::new(&lore, &["lp"])), ["- no key is mentioned"]);
    assert!(Lore::from_json("{}", "w").is_err());
    assert!(Lore::from_json("[", "w").is_err());
}

/// The titles of the entries that join.
fn joining(scan: &Scan<'_>) -> Vec<String> {
    let found = activate(scan).unwrap();
    let joins = found.fates.iter().filter(|fate| fate.joins);
    joins
        .map(|fate| scan.lore[fate.entry].title.clone())
        .collect()
}

#[test]
fn while_too_few_entries_join_one_message_more_is_searched() {
    let lore = book(json!([
        {"keys": ["gull"], "content": "a", "comment": "gull"},
        {"keys": ["boat"], "content": "gull", "comment": "boat", "extensions": {"prevent_recursion": true}},
        {"keys": ["sail"], "content": "rope", "comment": "sail"},
        {"keys": ["rope"], "content": "b", "comment": "rope", "extensions": {"exclude_recursion": true}},
        {"keys": ["sail"], "content": "c", "comment": "late", "extensions": {"delay_until_recursion": true}},
    ]));
    let texts = ["a gull", "a boat", "a sail", "nothing", "nobody"];
    let at_least = |min: usize, deepest: usize| {
        let mut scan = Scan::new(&lore, &texts);
        scan.rules.min_activations = min;
        scan.rules.min_depth = deepest;
        joining(&scan)
    };
    assert!(at_least(0, 0).is_empty());
    // The text of `sail` lets in what waits for a text; `rope` is not to be brought in by one.
    assert_eq!(at_least(1, 0), ["sail", "late"]);
    assert_eq!(at_least(3, 0), ["boat", "sail", "late"]);
    assert_eq!(at_least(9, 0), ["gull", "boat", "sail", "late"]);
    assert_eq!(at_least(9, 2), ["sail", "late"]);
    assert_eq!(at_least(9, 3), ["boat", "sail", "late"]);
}

#[test]
fn entries_are_for_some_characters_and_some_turns() {
    let world = |fields: Value| {
        let mut entry = json!({"key": ["x"], "content": "y", "selective": true});
        for (key, value) in fields.as_object().unwrap() {
            entry[key] = value.clone();
        }
        entry
    };
    let filter = |names: Value, tags: Value, is_exclude: bool| {
        world(json!({"characterFilter": {"names": names, "tags": tags, "isExclude": is_exclude}}))
    };
    let entries = [
        filter(json!(["mara-2"]), json!([]), false),
        filter(json!(["Finn"]), json!([]), false),
        filter(json!(["Mara"]), json!([]), true),
        filter(json!([]), json!(["Sea"]), false),
        filter(json!([]), json!(["desert", "0b1c"]), false),
        filter(json!([]), json!(["sea"]), true),
        filter(json!(["Mara"]), json!(["desert"]), false),
        world(json!({"triggers": ["continue", "swipe"]})),
        world(json!({"triggers": ["quiet", "normal"]})),
        world(json!({"vectorized": true, "key": ["z"]})),
        world(json!({"vectorized": true, "key": []})),
    ];
    let lore = Lore::from_json(&json!({"entries": entries}).to_string(), "w").unwrap();
    let mut scan = Scan::new(&lore, &["x"]);
    scan.who.names = vec!["Mara".into(), "mara-2".into()];
    scan.who.tags = vec!["sea".into()];
    insta::assert_snapshot!(fates(&scan).join("\n"));
    scan.trigger = Trigger::Swipe;
    assert!(activate(&scan).unwrap().fates[7].joins);
    assert!(!activate(&scan).unwrap().fates[8].joins);
}

#[test]
fn an_entry_that_sillytavern_exported_is_meant_as_it_has_it() {
    let exported = |fields: Value| {
        let mut entry = json!({"keys": ["l.mp"], "content": "x", "use_regex": true, "selective": true,
            "extensions": {"selectiveLogic": 0, "position": 0}});
        for (key, value) in fields.as_object().unwrap() {
            entry[key] = value.clone();
        }
        entry
    };
    let lore = book(json!([
        exported(json!({})),
        exported(json!({"constant": true})),
        exported(json!({"keys": ["lamp"], "secondary_keys": ["oil"]})),
        {"keys": ["l.mp"], "content": "x", "use_regex": true},
    ]));
    assert_eq!(
        fates(&Scan::new(&lore, &["a lamp"])),
        [
            "- no key is mentioned",
            "+ constant",
            "- key `lamp`, but the secondary keys say no",
            "+ key `l.mp`",
        ]
    );
}

#[test]
fn the_room_goes_to_the_character_s_entries_first_or_to_others() {
    let mut lore = book(json!([
        {"keys": ["x"], "content": "own low", "comment": "own low"},
        {"keys": ["x"], "content": "own high", "comment": "own high", "insertion_order": 30},
    ]));
    let other = json!({"entries": [{"key": ["x"], "content": "other one", "comment": "other", "order": 50}]});
    lore.extend(Lore::from_json(&other.to_string(), "w").unwrap());
    let words = |text: &str| Ok(text.split_whitespace().count());
    let joined = |first: First| {
        let mut scan = Scan::new(&lore, &["x"]);
        scan.counter = &words;
        scan.rules.budget = Some(5);
        scan.rules.first = first;
        joining(&scan)
    };
    assert_eq!(joined(First::Character), ["own low", "own high"]);
    assert_eq!(joined(First::Others), ["own high", "other"]);
    assert_eq!(joined(First::HighestOrder), ["own high", "other"]);
}

#[test]
fn an_outlet_begins_with_the_highest_order() {
    let lore = book(json!([
        {"keys": ["x"], "content": "low", "extensions": {"position": 7, "outlet_name": "o"}},
        {"keys": ["x"], "content": "high", "extensions": {"position": 7, "outlet_name": "o"}},
    ]));
    let found = activate(&Scan::new(&lore, &["x"])).unwrap();
    assert_eq!(found.outlets()["o"], "high\nlow");
}

#[test]
fn an_entry_that_waits_for_others_and_is_not_brought_in_by_them_never_joins() {
    let lore = book(json!([
        {"keys": ["x"], "content": "y"},
        {"keys": ["x"], "content": "z", "extensions": {"delay_until_recursion": true, "exclude_recursion": true}},
    ]));
    let joined = activate(&Scan::new(&lore, &["x"])).unwrap().joined;
    assert_eq!(joined, [(0, "y".to_owned())]);
}
