//! Characters invented by a model: persona, scenario, greeting, whole cards.
