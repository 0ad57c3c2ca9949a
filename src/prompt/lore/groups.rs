//! Groups: of the entries of one group that would join at the same time, one does.

use super::Lore;

/// What the groups need to know about entries.
pub(super) struct Group<'a> {
    /// All entries.
    pub(super) lore: &'a [Lore],
    /// Whether an entry stays from before.
    pub(super) is_sticky: &'a dyn Fn(usize) -> bool,
    /// How many keys of an entry are mentioned.
    pub(super) score: &'a dyn Fn(usize) -> usize,
    /// Whether an entry loses to those with more keys mentioned.
    pub(super) is_scored: &'a dyn Fn(usize) -> bool,
    /// The entries that joined already.
    pub(super) joined: &'a [usize],
    /// A number from 0 to 1 for the draw in a group.
    pub(super) draw: &'a dyn Fn(&str) -> f64,
}

/// Takes out of `candidates` who loses in a group, and says to whom.
pub(super) fn settle(candidates: &mut Vec<usize>, group: &Group<'_>) -> Vec<(usize, String)> {
    let mut members: Vec<(&str, Vec<usize>)> = Vec::new();
    for &at in candidates.iter() {
        for name in &group.lore[at].groups {
            match members.iter_mut().find(|(other, _)| other == name) {
                Some((_, of_group)) => of_group.push(at),
                None => members.push((name, vec![at])),
            }
        }
    }
    let mut losers: Vec<(usize, String)> = Vec::new();
    for (name, mut of_group) in members {
        of_group.retain(|at| candidates.contains(at));
        let mut lose = |of_group: &mut Vec<usize>, keep: &dyn Fn(usize) -> bool, why: String| {
            for &at in of_group.iter().filter(|at| !keep(**at)) {
                candidates.retain(|other| *other != at);
                losers.push((at, why.clone()));
            }
            of_group.retain(|at| keep(*at));
        };
        if of_group.iter().any(|at| (group.is_sticky)(*at)) {
            let why = format!("group `{name}` has an entry that stays");
            lose(&mut of_group, &|at| (group.is_sticky)(at), why);
            continue;
        }
        if of_group.iter().any(|at| (group.is_scored)(*at)) {
            let best = of_group.iter().map(|at| (group.score)(*at)).max();
            let why = format!("others in group `{name}` have more keys mentioned");
            let keep = |at: usize| !(group.is_scored)(at) || Some((group.score)(at)) >= best;
            lose(&mut of_group, &keep, why);
        }
        if group
            .joined
            .iter()
            .any(|at| group.lore[*at].groups.iter().any(|other| other == name))
        {
            let why = format!("group `{name}` has an entry in the prompt already");
            lose(&mut of_group, &|_| false, why);
            continue;
        }
        if of_group.len() < 2 {
            continue;
        }
        let first = of_group
            .iter()
            .filter(|at| group.lore[**at].group_override)
            .copied()
            .reduce(|best, at| {
                if group.lore[at].order > group.lore[best].order {
                    at
                } else {
                    best
                }
            });
        let winner = first.unwrap_or_else(|| drawn(&of_group, group, name));
        let why = format!("lost to `{}` in group `{name}`", group.lore[winner].title);
        lose(&mut of_group, &|at| at == winner, why);
    }
    losers
}

/// The entry that a draw by weight gives.
fn drawn(of_group: &[usize], group: &Group<'_>, name: &str) -> usize {
    let weight = |at: usize| group.lore[at].group_weight.max(0.0);
    let total: f64 = of_group.iter().map(|at| weight(*at)).sum();
    let roll = (group.draw)(name) * total;
    let mut sum = 0.0;
    for &at in of_group {
        sum += weight(at);
        if roll <= sum {
            return at;
        }
    }
    of_group[0]
}
