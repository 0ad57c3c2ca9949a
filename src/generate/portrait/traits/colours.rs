//! Words for the colours of hair, eyes and skin.

use super::super::colour::{Colour, lch};
use super::Table;

pub(super) const HAIR_NOUNS: [&str; 15] = [
    "hair",
    "haired",
    "curls",
    "locks",
    "braid",
    "braids",
    "fur",
    "furred",
    "ponytail",
    "bob",
    "mane",
    // A beard is drawn in the colour of the hair.
    "beard",
    "bearded",
    "moustache",
    "mustache",
];

pub(super) const HAIR_COLOURS: Table<Colour> = &[
    (
        lch(0.22, 0.015, 280.0),
        &["black", "raven", "jet", "ebony", "dark"],
    ),
    (
        lch(0.36, 0.055, 55.0),
        &["brown", "chestnut", "brunette", "chocolate", "umber"],
    ),
    (lch(0.58, 0.075, 70.0), &["sandy", "light"]),
    (lch(0.42, 0.11, 38.0), &["auburn", "mahogany", "russet"]),
    (
        lch(0.57, 0.16, 45.0),
        &[
            "red", "ginger", "copper", "orange", "scarlet", "crimson", "fiery",
        ],
    ),
    (
        lch(0.80, 0.11, 88.0),
        &[
            "blonde", "blond", "golden", "gold", "honey", "straw", "yellow",
        ],
    ),
    (
        lch(0.90, 0.03, 90.0),
        &["platinum", "white", "snow", "ivory", "cream"],
    ),
    (
        lch(0.78, 0.015, 260.0),
        &["silver", "silvery", "gray", "grey", "ash", "ashen"],
    ),
    (
        lch(0.45, 0.13, 262.0),
        &["blue", "sapphire", "navy", "azure", "indigo"],
    ),
    (
        lch(0.60, 0.10, 200.0),
        &["teal", "cyan", "turquoise", "aqua"],
    ),
    (
        lch(0.50, 0.11, 150.0),
        &["green", "emerald", "mossy", "jade"],
    ),
    (
        lch(0.46, 0.15, 310.0),
        &["purple", "violet", "lavender", "lilac", "plum"],
    ),
    (lch(0.72, 0.14, 0.0), &["pink", "rose", "magenta", "coral"]),
];

pub(super) const HAIR_WORDS: Table<Colour> = &[
    (lch(0.80, 0.11, 88.0), &["blonde", "blond"]),
    (lch(0.36, 0.055, 55.0), &["brunette"]),
    (lch(0.57, 0.16, 45.0), &["redhead", "redheaded", "ginger"]),
    (lch(0.78, 0.015, 260.0), &["grizzled"]),
];

pub(super) const EYE_COLOURS: Table<Colour> = &[
    (
        lch(0.55, 0.13, 245.0),
        &["blue", "sapphire", "azure", "ice", "icy", "cobalt"],
    ),
    (lch(0.58, 0.13, 150.0), &["green", "emerald", "jade"]),
    (
        lch(0.42, 0.07, 55.0),
        &["brown", "chestnut", "chocolate", "dark"],
    ),
    (lch(0.56, 0.10, 85.0), &["hazel"]),
    (
        lch(0.74, 0.15, 75.0),
        &["amber", "gold", "golden", "yellow", "honey", "orange"],
    ),
    (
        lch(0.66, 0.03, 245.0),
        &["gray", "grey", "silver", "silvery", "steel", "white"],
    ),
    (
        lch(0.52, 0.19, 25.0),
        &["red", "crimson", "scarlet", "ruby", "blood"],
    ),
    (
        lch(0.55, 0.17, 305.0),
        &["violet", "purple", "lavender", "amethyst"],
    ),
    (
        lch(0.75, 0.12, 200.0),
        &["teal", "cyan", "turquoise", "aqua"],
    ),
    (lch(0.70, 0.16, 0.0), &["pink", "rose", "magenta"]),
    (lch(0.25, 0.02, 280.0), &["black", "obsidian", "ebony"]),
];

pub(super) const SKIN_COLOURS: Table<Colour> = &[
    (
        lch(0.90, 0.022, 60.0),
        &[
            "pale",
            "porcelain",
            "ivory",
            "white",
            "alabaster",
            "ashen",
            "pallid",
        ],
    ),
    (
        lch(0.85, 0.045, 58.0),
        &["fair", "light", "freckled", "rosy", "peach"],
    ),
    (lch(0.74, 0.075, 68.0), &["olive", "golden"]),
    (
        lch(0.69, 0.085, 60.0),
        &[
            "tan", "tanned", "bronze", "bronzed", "copper", "honey", "sun",
        ],
    ),
    (lch(0.54, 0.078, 52.0), &["brown", "caramel", "mahogany"]),
    (
        lch(0.43, 0.062, 48.0),
        &["dark", "black", "ebony", "deep", "umber"],
    ),
    (lch(0.66, 0.07, 240.0), &["blue", "azure"]),
    (lch(0.64, 0.09, 140.0), &["green", "emerald", "olive green"]),
    (
        lch(0.60, 0.09, 305.0),
        &["purple", "violet", "lavender", "lilac"],
    ),
    (lch(0.58, 0.13, 25.0), &["red", "crimson", "scarlet"]),
    (
        lch(0.78, 0.012, 250.0),
        &["silver", "grey", "gray", "metallic", "chrome"],
    ),
];
