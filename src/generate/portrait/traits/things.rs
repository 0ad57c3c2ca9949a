//! Words for what somebody wears and carries, and how their hair is cut.

use super::{Cut, Extra, Garment, Table};

pub(super) const CUTS: Table<Cut> = &[
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

pub(super) const GARMENTS: Table<Garment> = &[
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

pub(super) const EXTRAS: Table<Extra> = &[
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
