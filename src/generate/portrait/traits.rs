//! What a persona's words say about looks: species, presentation, hair, eyes, skin, mood, setting and things worn.
//!
//! Words are matched whole and in lower case, a phrase before its parts; "no beard" and "without glasses" do not count.
//! Where several answers compete, the one named most often wins, the first named on a tie. What the text leaves open
//! stays `None` and is left to the seed.

use super::colour::{Colour, lch};
pub(super) use crate::generate::names::Presence;

/// What kind of being somebody is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Species {
    Human,
    Android,
    Robot,
    Hologram,
    Cat,
    Fox,
    Wolf,
    Rabbit,
    Elf,
    Vampire,
    Demon,
    Angel,
    Fairy,
    Dragon,
    Orc,
    Merfolk,
    Ghost,
}

/// The expression.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Mood {
    Calm,
    Warm,
    Joyful,
    Stern,
    Sly,
    Sad,
    Fierce,
    Shy,
}

/// Where somebody stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Setting {
    Moon,
    Space,
    City,
    Forest,
    Sea,
    Library,
    Circuit,
    Mountain,
    Desert,
    Garden,
    Castle,
    Lanterns,
    Workshop,
    Deco,
}

/// How hair is worn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Cut {
    Bald,
    Cropped,
    SidePart,
    Quiff,
    Slick,
    Tousled,
    Afro,
    Curls,
    Locs,
    Bob,
    Pixie,
    Long,
    Wavy,
    Hime,
    Bun,
    Ponytail,
    Braid,
    Mohawk,
}

/// What somebody wears.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Garment {
    Turtleneck,
    Suit,
    HighCollar,
    Robe,
    Wrap,
    Uniform,
    Armour,
    Jacket,
    Neckline,
    Bodysuit,
    LabCoat,
    Tunic,
}

/// Small things that make a face somebody's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Extra {
    Glasses,
    Monocle,
    Beard,
    Moustache,
    WitchHat,
    BrimHat,
    Beret,
    Crown,
    Circlet,
    Scarf,
    EyePatch,
    Scar,
    Freckles,
    Hood,
    Headphones,
    Goggles,
    Flower,
    Earrings,
    Pendant,
    Old,
}

/// What a text says; `None` where it is silent.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Traits {
    pub(super) species: Option<Species>,
    pub(super) presence: Option<Presence>,
    pub(super) mood: Option<Mood>,
    pub(super) setting: Option<Setting>,
    pub(super) cut: Option<Cut>,
    pub(super) garment: Option<Garment>,
    pub(super) hair: Option<Colour>,
    pub(super) eyes: Option<Colour>,
    pub(super) skin: Option<Colour>,
    pub(super) extras: Vec<Extra>,
}

/// Words of a text are read up to here; a portrait needs no more.
const LONGEST_TEXT: usize = 16 * 1024;

/// Reads the looks out of `text`.
pub(super) fn read(text: &str) -> Traits {
    let end = (0..=LONGEST_TEXT.min(text.len()))
        .rev()
        .find(|&i| text.is_char_boundary(i))
        .unwrap_or(0);
    let words = words(&text[..end]);
    Traits {
        species: vote(&words, SPECIES),
        presence: vote(&words, PRESENCE),
        mood: vote(&words, MOODS),
        setting: vote(&words, SETTINGS),
        cut: vote(&words, CUTS),
        garment: vote(&words, GARMENTS),
        hair: colour_of(&words, &HAIR_NOUNS, HAIR_COLOURS)
            .or_else(|| vote_colour(&words, HAIR_WORDS)),
        eyes: colour_of(&words, &["eyes", "eyed", "eye", "gaze"], EYE_COLOURS),
        skin: colour_of(
            &words,
            &["skin", "skinned", "complexion", "face"],
            SKIN_COLOURS,
        ),
        extras: EXTRAS
            .iter()
            .filter(|(_, phrases)| phrases.iter().any(|phrase| count(&words, phrase).0 > 0))
            .map(|&(extra, _)| extra)
            .collect(),
    }
}

/// The words in lower case, with a full stop wherever a sentence ends.
fn words(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    for sentence in text.split(['.', '!', '?', ';', '\n']) {
        let before = words.len();
        words.extend(
            sentence
                .split(|c: char| !c.is_alphanumeric())
                .filter(|word| !word.is_empty())
                .map(str::to_lowercase),
        );
        if words.len() > before {
            words.push(".".to_owned());
        }
    }
    words
}

/// How often `phrase` occurs without a "no" before it, and where first.
fn count(words: &[String], phrase: &str) -> (usize, usize) {
    let parts: Vec<&str> = phrase.split(' ').collect();
    let mut found = (0, usize::MAX);
    for (at, window) in words.windows(parts.len()).enumerate() {
        let denied = at > 0
            && matches!(
                words[at - 1].as_str(),
                "no" | "not" | "never" | "without" | "isn" | "wasn"
            );
        if !denied && window.iter().zip(&parts).all(|(word, part)| word == part) {
            found = (found.0 + 1, found.1.min(at));
        }
    }
    found
}

type Table<T> = &'static [(T, &'static [&'static str])];

fn vote<T: Copy>(words: &[String], table: Table<T>) -> Option<T> {
    let mut best: Option<(usize, usize, T)> = None;
    for &(answer, phrases) in table {
        let (mut times, mut first) = (0, usize::MAX);
        for phrase in phrases {
            let found = count(words, phrase);
            // A phrase says more than a word: "cat ears" outweighs a "wolf" met on the road.
            times += found.0 * phrase.split(' ').count();
            first = first.min(found.1);
        }
        let better = best
            .is_none_or(|(most, earliest, _)| times > most || times == most && first < earliest);
        if times > 0 && better {
            best = Some((times, first, answer));
        }
    }
    best.map(|(_, _, answer)| answer)
}

fn vote_colour(words: &[String], table: Table<Colour>) -> Option<Colour> {
    vote(words, table)
}

/// The colour said of a noun: "long silver hair", "hair was a deep red", "green-eyed".
fn colour_of(words: &[String], nouns: &[&str], table: Table<Colour>) -> Option<Colour> {
    let named = |word: &String| {
        table
            .iter()
            .find(|(_, names)| names.contains(&word.as_str()))
            .map(|&(colour, _)| colour)
    };
    for (at, _) in words
        .iter()
        .enumerate()
        .filter(|(_, word)| nouns.contains(&word.as_str()))
    {
        let before = words[at.saturating_sub(4)..at]
            .iter()
            .rev()
            .take_while(|word| {
                !matches!(
                    word.as_str(),
                    "." | "eyes" | "hair" | "skin" | "her" | "his" | "their" | "its" | "with"
                )
            })
            .find_map(named);
        let after = || {
            let says = words
                .get(at + 1)
                .is_some_and(|word| matches!(word.as_str(), "is" | "was" | "are" | "were" | "of"));
            let end = (at + 6).min(words.len());
            says.then(|| {
                words[at + 1..end]
                    .iter()
                    .take_while(|word| *word != ".")
                    .find_map(named)
            })
            .flatten()
        };
        if let Some(colour) = before.or_else(after) {
            return Some(colour);
        }
    }
    None
}

const HAIR_NOUNS: [&str; 15] = [
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

const SPECIES: Table<Species> = &[
    (
        Species::Hologram,
        &[
            "hologram",
            "holographic",
            "disembodied",
            "virtual assistant",
            "ai assistant",
            "assistant ai",
            "artificial intelligence",
            "language model",
            "chatbot",
            "digital assistant",
            "digital being",
        ],
    ),
    (
        Species::Android,
        &[
            "android",
            "androids",
            "gynoid",
            "synthetic",
            "cyborg",
            "automaton",
            "replicant",
            "artificial skin",
        ],
    ),
    (
        Species::Robot,
        &[
            "robot",
            "robotic",
            "mech",
            "droid",
            "machine",
            "metal face",
            "steel face",
            "visor",
            "chassis",
        ],
    ),
    (
        Species::Cat,
        &[
            "cat",
            "catlike",
            "feline",
            "catfolk",
            "nekomimi",
            "catgirl",
            "catboy",
            "neko",
            "cat ears",
            "tabby",
            "lynx",
            "tail and ears",
        ],
    ),
    (
        Species::Fox,
        &["fox", "foxlike", "kitsune", "vulpine", "fox ears", "vixen"],
    ),
    (
        Species::Wolf,
        &["wolf", "werewolf", "wolfish", "lupine", "wolf ears"],
    ),
    (
        Species::Rabbit,
        &["rabbit", "bunny", "hare", "rabbit ears", "lop ears"],
    ),
    (
        Species::Elf,
        &[
            "elf",
            "elven",
            "elvish",
            "elfin",
            "half elf",
            "pointed ears",
            "fae",
            "dryad",
        ],
    ),
    (
        Species::Vampire,
        &["vampire", "vampiric", "undead", "nosferatu", "fangs"],
    ),
    (
        Species::Demon,
        &[
            "demon", "demonic", "devil", "tiefling", "imp", "infernal", "horned", "horns", "oni",
            "faun", "satyr",
        ],
    ),
    (
        Species::Angel,
        &["angel", "angelic", "seraph", "celestial", "halo"],
    ),
    (
        Species::Fairy,
        &["fairy", "pixie", "sprite", "faerie", "winged"],
    ),
    (
        Species::Dragon,
        &[
            "dragon",
            "draconic",
            "dragonborn",
            "wyrm",
            "scaled",
            "scales",
        ],
    ),
    (
        Species::Orc,
        &["orc", "orcish", "ogre", "goblin", "troll", "tusks"],
    ),
    (
        Species::Merfolk,
        &["mermaid", "merman", "merfolk", "siren", "selkie", "gills"],
    ),
    (
        Species::Ghost,
        &[
            "ghost", "ghostly", "spectre", "specter", "phantom", "wraith",
        ],
    ),
];

const PRESENCE: Table<Presence> = &[
    (
        Presence::Feminine,
        &[
            "she",
            "her",
            "hers",
            "herself",
            "woman",
            "lady",
            "female",
            "queen",
            "princess",
            "duchess",
            "countess",
            "priestess",
            "actress",
            "witch",
            "sister",
            "mother",
            "grandmother",
            "wife",
            "daughter",
            "feminine",
        ],
    ),
    (
        Presence::Masculine,
        &[
            "he",
            "him",
            "his",
            "himself",
            "man",
            "gentleman",
            "male",
            "king",
            "prince",
            "duke",
            "count",
            "priest",
            "wizard",
            "brother",
            "father",
            "grandfather",
            "husband",
            "son",
            "masculine",
        ],
    ),
    (
        Presence::Neutral,
        &[
            "nonbinary",
            "non binary",
            "androgynous",
            "genderless",
            "agender",
            "themself",
            "themselves",
        ],
    ),
];

const MOODS: Table<Mood> = &[
    (
        Mood::Warm,
        &[
            "warm",
            "kind",
            "gentle",
            "friendly",
            "caring",
            "helpful",
            "courteous",
            "polite",
            "patient",
            "soft",
            "compassionate",
            "welcoming",
            "loving",
            "generous",
        ],
    ),
    (
        Mood::Joyful,
        &[
            "cheerful",
            "happy",
            "joyful",
            "laughing",
            "laugh",
            "laughed",
            "grin",
            "grinned",
            "bubbly",
            "merry",
            "lively",
            "energetic",
            "sunny",
            "excited",
            "enthusiastic",
        ],
    ),
    (
        Mood::Stern,
        &[
            "stern",
            "serious",
            "strict",
            "cold",
            "aloof",
            "stoic",
            "severe",
            "formal",
            "disciplined",
            "proud",
            "grim",
            "blunt",
            "commanding",
        ],
    ),
    (
        Mood::Sly,
        &[
            "sly",
            "mischievous",
            "cunning",
            "clever",
            "smirk",
            "smirked",
            "teasing",
            "playful",
            "witty",
            "roguish",
            "sarcastic",
            "thief",
            "trickster",
            "curious",
        ],
    ),
    (
        Mood::Sad,
        &[
            "sad",
            "melancholy",
            "melancholic",
            "lonely",
            "grieving",
            "mournful",
            "wistful",
            "sorrow",
            "tired",
            "haunted",
        ],
    ),
    (
        Mood::Fierce,
        &[
            "fierce",
            "angry",
            "ruthless",
            "warrior",
            "brave",
            "bold",
            "hot tempered",
            "savage",
            "determined",
            "fearless",
        ],
    ),
    (
        Mood::Shy,
        &[
            "shy", "timid", "quiet", "nervous", "bashful", "reserved", "anxious",
        ],
    ),
    (
        Mood::Calm,
        &[
            "calm",
            "serene",
            "composed",
            "thoughtful",
            "wise",
            "tranquil",
            "meditative",
        ],
    ),
];

const SETTINGS: Table<Setting> = &[
    (
        Setting::Moon,
        &["moon", "lunar", "moonlit", "moonlight", "night", "midnight"],
    ),
    (
        Setting::Space,
        &[
            "space",
            "spaceship",
            "starship",
            "stars",
            "station",
            "galaxy",
            "planet",
            "orbit",
            "orbital",
            "astronaut",
            "cosmic",
            "nebula",
            "mars",
        ],
    ),
    (
        Setting::City,
        &[
            "city",
            "metropolis",
            "street",
            "streets",
            "skyscraper",
            "neon",
            "urban",
            "downtown",
            "office",
            "detective",
            "apartment",
            "rooftop",
            "bar",
            "club",
        ],
    ),
    (
        Setting::Forest,
        &[
            "forest",
            "woods",
            "woodland",
            "grove",
            "trees",
            "ranger",
            "druid",
            "wilderness",
            "jungle",
        ],
    ),
    (
        Setting::Sea,
        &[
            "sea",
            "ocean",
            "ship",
            "harbor",
            "harbour",
            "island",
            "sailor",
            "pirate",
            "captain",
            "beach",
            "coast",
            "lighthouse",
            "waves",
            "port",
        ],
    ),
    (
        Setting::Library,
        &[
            "library",
            "librarian",
            "books",
            "book",
            "scholar",
            "archive",
            "archivist",
            "bookshop",
            "professor",
            "university",
            "academy",
            "scribe",
        ],
    ),
    (
        Setting::Circuit,
        &[
            "circuit",
            "circuits",
            "network",
            "data",
            "computer",
            "server",
            "servers",
            "processor",
            "code",
            "programming",
            "ai",
            "artificial",
            "laboratory",
            "lab",
        ],
    ),
    (
        Setting::Mountain,
        &[
            "mountain",
            "mountains",
            "peak",
            "snow",
            "snowy",
            "alpine",
            "glacier",
            "highland",
            "cliff",
            "monastery",
            "valley",
        ],
    ),
    (
        Setting::Desert,
        &["desert", "dunes", "sand", "oasis", "caravan", "canyon"],
    ),
    (
        Setting::Garden,
        &[
            "garden",
            "flowers",
            "gardener",
            "herbalist",
            "meadow",
            "roses",
            "greenhouse",
            "florist",
            "spring",
            "orchard",
        ],
    ),
    (
        Setting::Castle,
        &[
            "castle", "manor", "mansion", "palace", "throne", "tower", "knight", "kingdom",
            "crypt", "estate", "count",
        ],
    ),
    (
        Setting::Lanterns,
        &[
            "lantern", "lanterns", "festival", "market", "tavern", "inn", "teahouse",
        ],
    ),
    (
        Setting::Workshop,
        &[
            "workshop",
            "gears",
            "clockwork",
            "inventor",
            "engineer",
            "mechanic",
            "steampunk",
            "tinkerer",
            "clockmaker",
            "factory",
        ],
    ),
    (
        Setting::Deco,
        &[
            "jazz", "theatre", "theater", "stage", "singer", "ballroom", "casino", "actor",
            "actress",
        ],
    ),
];

const CUTS: Table<Cut> = &[
    (Cut::Bald, &["bald", "shaved head", "hairless"]),
    (
        Cut::Cropped,
        &["cropped", "buzz cut", "crew cut", "close cropped"],
    ),
    (
        Cut::Slick,
        &["slicked", "slicked back", "combed back", "swept back"],
    ),
    (
        Cut::Tousled,
        &[
            "tousled",
            "messy",
            "unkempt",
            "spiky",
            "disheveled",
            "wild hair",
            "shaggy",
        ],
    ),
    (Cut::Afro, &["afro"]),
    (Cut::Curls, &["curls", "curly", "ringlets"]),
    (Cut::Locs, &["dreadlocks", "locs", "cornrows", "box braids"]),
    (Cut::Bob, &["bob", "chin length", "bobbed"]),
    (Cut::Pixie, &["pixie cut", "short hair", "short haired"]),
    (
        Cut::Long,
        &[
            "long hair",
            "long straight",
            "flowing hair",
            "straight hair",
            "waist length",
            "long haired",
        ],
    ),
    (
        Cut::Wavy,
        &["wavy", "waves of hair", "long wavy", "loose waves"],
    ),
    (Cut::Hime, &["bangs", "fringe", "straight bangs"]),
    (
        Cut::Bun,
        &["bun", "chignon", "topknot", "updo", "pinned up"],
    ),
    (Cut::Ponytail, &["ponytail", "tied back", "pony tail"]),
    (Cut::Braid, &["braid", "braided", "braids", "plait"]),
    (Cut::Mohawk, &["mohawk", "undercut"]),
];

const GARMENTS: Table<Garment> = &[
    (
        Garment::Turtleneck,
        &["turtleneck", "sweater", "pullover", "jumper"],
    ),
    (
        Garment::Suit,
        &[
            "suit",
            "tuxedo",
            "tie",
            "waistcoat",
            "blazer",
            "butler",
            "detective",
            "bow tie",
        ],
    ),
    (Garment::HighCollar, &["high collar", "cape", "opera cloak"]),
    (
        Garment::Robe,
        &[
            "robe", "robes", "cloak", "mage", "wizard", "witch", "sorcerer", "monk", "hooded",
            "hood",
        ],
    ),
    (
        Garment::Wrap,
        &[
            "kimono",
            "yukata",
            "hanfu",
            "sari",
            "toga",
            "tea ceremony",
            "samurai",
        ],
    ),
    (
        Garment::Uniform,
        &[
            "uniform", "officer", "captain", "soldier", "general", "military", "pilot", "maid",
        ],
    ),
    (
        Garment::Armour,
        &[
            "armor",
            "armour",
            "knight",
            "plate",
            "paladin",
            "chainmail",
            "breastplate",
        ],
    ),
    (
        Garment::Jacket,
        &[
            "jacket", "leather", "hoodie", "coat", "punk", "biker", "mechanic",
        ],
    ),
    (Garment::Neckline, &["dress", "gown", "blouse", "singer"]),
    (
        Garment::Bodysuit,
        &[
            "bodysuit",
            "jumpsuit",
            "spacesuit",
            "catsuit",
            "chassis",
            "astronaut",
        ],
    ),
    (
        Garment::LabCoat,
        &["lab coat", "scientist", "doctor", "physician", "chemist"],
    ),
    (
        Garment::Tunic,
        &[
            "tunic",
            "shirt",
            "vest",
            "ranger",
            "adventurer",
            "bard",
            "farmer",
        ],
    ),
];

const EXTRAS: Table<Extra> = &[
    (Extra::Glasses, &["glasses", "spectacles", "bespectacled"]),
    (Extra::Monocle, &["monocle"]),
    (Extra::Beard, &["beard", "bearded", "stubble"]),
    (Extra::Moustache, &["moustache", "mustache", "mustachioed"]),
    (
        Extra::WitchHat,
        &["witch", "pointed hat", "wizard hat", "witch hat"],
    ),
    (
        Extra::BrimHat,
        &[
            "fedora",
            "wide brimmed",
            "detective",
            "cowboy",
            "gunslinger",
            "trilby",
            "hat",
        ],
    ),
    (Extra::Beret, &["beret", "painter"]),
    (
        Extra::Crown,
        &["crown", "queen", "king", "empress", "emperor"],
    ),
    (Extra::Circlet, &["circlet", "tiara", "diadem", "princess"]),
    (Extra::Scarf, &["scarf", "shawl", "neckerchief"]),
    (Extra::EyePatch, &["eyepatch", "eye patch", "one eyed"]),
    (Extra::Scar, &["scar", "scarred", "scars"]),
    (Extra::Freckles, &["freckles", "freckled"]),
    (Extra::Hood, &["hood", "hooded"]),
    (
        Extra::Headphones,
        &["headphones", "headset", "dj", "musician"],
    ),
    (
        Extra::Goggles,
        &["goggles", "aviator", "tinkerer", "inventor"],
    ),
    (
        Extra::Flower,
        &["flower in", "florist", "flower crown", "herbalist", "dryad"],
    ),
    (Extra::Earrings, &["earrings", "earring"]),
    (
        Extra::Pendant,
        &["pendant", "necklace", "amulet", "locket", "medallion"],
    ),
    (
        Extra::Old,
        &[
            "old man",
            "old woman",
            "elderly",
            "aged",
            "grandmother",
            "grandfather",
            "wrinkled",
            "wrinkles",
            "venerable",
        ],
    ),
];

const HAIR_COLOURS: Table<Colour> = &[
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

const HAIR_WORDS: Table<Colour> = &[
    (lch(0.80, 0.11, 88.0), &["blonde", "blond"]),
    (lch(0.36, 0.055, 55.0), &["brunette"]),
    (lch(0.57, 0.16, 45.0), &["redhead", "redheaded", "ginger"]),
    (lch(0.78, 0.015, 260.0), &["grizzled"]),
];

const EYE_COLOURS: Table<Colour> = &[
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

const SKIN_COLOURS: Table<Colour> = &[
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_persona_is_read_for_looks() {
        let traits = read(
            "Mirelle was a courteous vampire with long silver hair and crimson eyes. She wore a high collar and \
             lived in an old castle under the moon, in the castle's tower.",
        );
        assert_eq!(traits.species, Some(Species::Vampire));
        assert_eq!(traits.presence, Some(Presence::Feminine));
        assert_eq!(traits.setting, Some(Setting::Castle));
        assert_eq!(traits.garment, Some(Garment::HighCollar));
        assert_eq!(traits.hair.map(|c| c.l), Some(0.78));
        assert_eq!(traits.eyes.map(|c| c.h), Some(25.0));
    }

    #[test]
    fn what_is_denied_does_not_count() {
        let traits = read("He had no beard and walked without glasses.");
        assert_eq!(traits.extras, []);
        assert_eq!(read("He had a beard.").extras, [Extra::Beard]);
    }

    #[test]
    fn colours_belong_to_their_noun() {
        let traits = read("Her eyes were green. Her hair was a deep auburn, her skin olive.");
        assert_eq!(traits.eyes.map(|c| c.h), Some(150.0));
        assert_eq!(traits.hair.map(|c| c.l), Some(0.42));
        assert_eq!(read("The sea was green and wide.").eyes, None);
    }

    #[test]
    fn hostile_text_is_survived() {
        assert_eq!(read(""), Traits::default());
        read(&"\u{1F98A}".repeat(40_000));
        read(&"hair ".repeat(20_000));
    }
}
