//! Variables: `{{setvar::name::value}}` and its family, and the shorthands `{{.name}}` and `{{$name += 1}}`.
//!
//! A variable holds text. What looks like a number is read, added and printed as JavaScript would, and what is a JSON
//! list or object can be changed in place.

use super::control::is_false;
use super::evaluate::{Call, Evaluator};
use super::table::Row;
use super::{Reason, Variables, json, lexer, number};

pub(super) const ROWS: &[Row] = &[
    Row::new(&["setvar"], 2..=2, |e, call| set(e, Scope::Local, call)),
    Row::new(&["addvar"], 2..=2, |e, call| plus(e, Scope::Local, call)),
    Row::new(&["incvar"], 1..=1, |e, call| {
        add(e, Scope::Local, &call.arguments[0], "1", true)
    }),
    Row::new(&["decvar"], 1..=1, |e, call| {
        add(e, Scope::Local, &call.arguments[0], "-1", true)
    }),
    Row::new(&["getvar"], 1..=1, |e, call| {
        Ok(get(e, Scope::Local, &call.arguments[0]))
    }),
    Row::new(&["hasvar", "varexists"], 1..=1, |e, call| {
        has(e, Scope::Local, call)
    }),
    Row::new(&["deletevar", "flushvar"], 1..=1, |e, call| {
        delete(e, Scope::Local, call)
    }),
    Row::new(&["setvarkey", "setvarindex"], 3..=3, |e, call| {
        set_key(e, Scope::Local, call)
    }),
    Row::new(&["getvarkey", "getvarindex"], 2..=2, |e, call| {
        get_key(e, Scope::Local, call)
    }),
    Row::new(&["setglobalvar"], 2..=2, |e, call| {
        set(e, Scope::Global, call)
    }),
    Row::new(&["addglobalvar"], 2..=2, |e, call| {
        plus(e, Scope::Global, call)
    }),
    Row::new(&["incglobalvar"], 1..=1, |e, call| {
        add(e, Scope::Global, &call.arguments[0], "1", true)
    }),
    Row::new(&["decglobalvar"], 1..=1, |e, call| {
        add(e, Scope::Global, &call.arguments[0], "-1", true)
    }),
    Row::new(&["getglobalvar"], 1..=1, |e, call| {
        Ok(get(e, Scope::Global, &call.arguments[0]))
    }),
    Row::new(&["hasglobalvar", "globalvarexists"], 1..=1, |e, call| {
        has(e, Scope::Global, call)
    }),
    Row::new(&["deleteglobalvar", "flushglobalvar"], 1..=1, |e, call| {
        delete(e, Scope::Global, call)
    }),
    Row::new(
        &["setglobalvarkey", "setglobalvarindex"],
        3..=3,
        |e, call| set_key(e, Scope::Global, call),
    ),
    Row::new(
        &["getglobalvarkey", "getglobalvarindex"],
        2..=2,
        |e, call| get_key(e, Scope::Global, call),
    ),
];

/// Whose variables are meant.
#[derive(Debug, Clone, Copy)]
pub(super) enum Scope {
    /// The chat's.
    Local,
    /// The user's.
    Global,
}

fn store<'e>(evaluator: &'e mut Evaluator<'_>, scope: Scope) -> &'e mut Variables {
    match scope {
        Scope::Local => &mut evaluator.locals,
        Scope::Global => &mut evaluator.globals,
    }
}

/// The value of a variable: empty where there is none, a number in its shortest form.
pub(super) fn get(evaluator: &mut Evaluator<'_>, scope: Scope, name: &str) -> String {
    store(evaluator, scope)
        .get(name)
        .map_or_else(String::new, |value| read(value))
}

/// What a stored text reads as.
fn read(value: &str) -> String {
    let number = number::parse(value);
    if number.is_nan() || lexer::trim(value).is_empty() {
        value.to_owned()
    } else {
        number::format(number)
    }
}

fn assign(
    evaluator: &mut Evaluator<'_>,
    scope: Scope,
    name: &str,
    value: String,
) -> Result<(), Reason> {
    if name.is_empty() {
        return Err(Reason::Arguments);
    }
    evaluator.spend(0, name.len() + value.len())?;
    store(evaluator, scope).insert(name.to_owned(), value);
    Ok(())
}

fn set(evaluator: &mut Evaluator<'_>, scope: Scope, call: &Call<'_>) -> Result<String, Reason> {
    assign(
        evaluator,
        scope,
        &call.arguments[0],
        call.arguments[1].clone(),
    )?;
    Ok(String::new())
}

fn plus(evaluator: &mut Evaluator<'_>, scope: Scope, call: &Call<'_>) -> Result<String, Reason> {
    add(
        evaluator,
        scope,
        &call.arguments[0],
        &call.arguments[1],
        false,
    )?;
    Ok(String::new())
}

/// Adds numbers, appends to lists, joins anything else; gives the new value. `number` says that `value` goes into a list
/// as a number.
fn add(
    evaluator: &mut Evaluator<'_>,
    scope: Scope,
    name: &str,
    value: &str,
    number: bool,
) -> Result<String, Reason> {
    let current = get(evaluator, scope, name);
    let new = if let Some(list) = json::push(&current, value, number) {
        list
    } else {
        let (left, right) = (number::parse(&current), number::parse(value));
        let blank = !current.is_empty() && lexer::trim(&current).is_empty();
        let sum = left + right;
        if left.is_nan() || right.is_nan() {
            // Zero counts as nothing when it is joined with text.
            let current = if left == 0.0 && !blank { "" } else { &current };
            format!("{current}{value}")
        } else if sum.is_nan() {
            return Ok(String::new());
        } else {
            number::format(sum)
        }
    };
    assign(evaluator, scope, name, new.clone())?;
    Ok(new)
}

fn has(evaluator: &mut Evaluator<'_>, scope: Scope, call: &Call<'_>) -> Result<String, Reason> {
    Ok(store(evaluator, scope)
        .contains_key(&call.arguments[0])
        .to_string())
}

fn delete(evaluator: &mut Evaluator<'_>, scope: Scope, call: &Call<'_>) -> Result<String, Reason> {
    store(evaluator, scope).remove(&call.arguments[0]);
    Ok(String::new())
}

fn set_key(evaluator: &mut Evaluator<'_>, scope: Scope, call: &Call<'_>) -> Result<String, Reason> {
    let [name, key, value] = call.arguments.as_slice() else {
        return Err(Reason::Arguments);
    };
    let current = store(evaluator, scope)
        .get(name)
        .map_or("null", String::as_str);
    // What cannot have keys stays as it is.
    if let Some(new) = json::set(current, key, value) {
        assign(evaluator, scope, name, new)?;
    } else if name.is_empty() {
        return Err(Reason::Arguments);
    }
    Ok(String::new())
}

fn get_key(evaluator: &mut Evaluator<'_>, scope: Scope, call: &Call<'_>) -> Result<String, Reason> {
    let value = store(evaluator, scope).get(&call.arguments[0]);
    Ok(value.map_or_else(String::new, |value| {
        read(&json::get(value, &call.arguments[1]))
    }))
}

/// `{{.name operator value}}`. The value is asked for only where it is needed.
pub(super) fn operate<'c>(
    evaluator: &mut Evaluator<'c>,
    scope: Scope,
    name: &str,
    operator: &str,
    mut value: impl FnMut(&mut Evaluator<'c>) -> String,
) -> Result<String, Reason> {
    let exists = store(evaluator, scope).contains_key(name);
    let current = get(evaluator, scope, name);
    let falsy = current.is_empty() || is_false(&current);
    let result = match operator {
        "" => current,
        "++" => return add(evaluator, scope, name, "1", true),
        "--" => return add(evaluator, scope, name, "-1", true),
        "=" => {
            let value = value(evaluator);
            assign(evaluator, scope, name, value)?;
            String::new()
        }
        "+=" => {
            let value = value(evaluator);
            add(evaluator, scope, name, &value, false)?;
            String::new()
        }
        "-=" => {
            let number = number::parse(&value(evaluator));
            if !number.is_nan() {
                add(evaluator, scope, name, &number::format(-number), true)?;
            }
            String::new()
        }
        "||" if !falsy => current,
        "??" | "??=" if exists => current,
        "||=" if !falsy => current,
        "||" | "??" => value(evaluator),
        "||=" | "??=" => {
            let value = value(evaluator);
            assign(evaluator, scope, name, value.clone())?;
            value
        }
        "==" => (current == value(evaluator)).to_string(),
        "!=" => (current != value(evaluator)).to_string(),
        // Comparisons of what is no number are false, as NaN compares.
        _ => {
            let left = number::parse(&current);
            let right = number::parse(&value(evaluator));
            let holds = match operator {
                ">" => left > right,
                ">=" => left >= right,
                "<" => left < right,
                _ => left <= right,
            };
            holds.to_string()
        }
    };
    evaluator.spend(0, result.len())?;
    Ok(result)
}
