//! A picture on a terminal: as pixels where the terminal draws them, else as half blocks of two colours each.
//!
//! Which of them is judged by the variables that terminals set. Asking the terminal itself would mean waiting for an
//! answer that many never give.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::Result;
use crate::card::{Pixels, thumbnail};

/// How a terminal shows pictures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Protocol {
    /// The graphics protocol of kitty, Ghostty and Konsole.
    Kitty,
    /// The inline images of iTerm2, WezTerm and mintty.
    Iterm,
    /// Sixels, as foot, mlterm and Contour draw them.
    Sixel,
    /// Half blocks in 24-bit colour.
    Blocks,
    /// Half blocks in the 256 colours that nearly every terminal has.
    Blocks256,
}

/// How the terminal of this environment shows pictures; `None` where it should not.
pub(super) fn protocol(variable: &dyn Fn(&str) -> Option<String>) -> Option<Protocol> {
    let get = |name: &str| variable(name).unwrap_or_default();
    let is_set = |name: &str| !get(name).is_empty();
    let term = get("TERM");
    if is_set("NO_COLOR") || term.is_empty() || term == "dumb" {
        return None;
    }
    let program = get("TERM_PROGRAM");
    let multiplexed =
        is_set("TMUX") || is_set("STY") || term.starts_with("screen") || term.starts_with("tmux");
    // A multiplexer draws text; pictures would need its leave and end up in the wrong pane.
    if !multiplexed {
        if is_set("KITTY_WINDOW_ID")
            || term.contains("kitty")
            || term.contains("ghostty")
            || program == "ghostty"
            || get("KONSOLE_VERSION")
                .parse::<u32>()
                .is_ok_and(|version| version >= 220_400)
        {
            return Some(Protocol::Kitty);
        }
        if matches!(&*program, "iTerm.app" | "WezTerm" | "mintty") || get("LC_TERMINAL") == "iTerm2"
        {
            return Some(Protocol::Iterm);
        }
        if term.contains("sixel")
            || ["foot", "mlterm", "contour", "yaft"]
                .iter()
                .any(|known| term.starts_with(known))
        {
            return Some(Protocol::Sixel);
        }
    }
    let true_colour = matches!(&*get("COLORTERM"), "truecolor" | "24bit")
        || term.ends_with("direct")
        || matches!(
            &*program,
            "vscode" | "Hyper" | "rio" | "WezTerm" | "iTerm.app" | "ghostty"
        )
        || is_set("WT_SESSION");
    Some(if true_colour {
        Protocol::Blocks
    } else {
        Protocol::Blocks256
    })
}

/// The largest room a picture takes, in columns and rows.
const COLUMNS: u32 = 32;
const ROWS: u32 = 18;

/// What a cell of a terminal measures where it does not say: twice as high as wide.
const CELL: (u32, u32) = (10, 20);

/// The bytes that show a picture, with the line break after it.
pub(super) fn draw(picture: &[u8], protocol: Protocol, columns: usize) -> Result<Vec<u8>> {
    let columns = COLUMNS
        .min(u32::try_from(columns).unwrap_or(COLUMNS))
        .max(4);
    match protocol {
        Protocol::Blocks | Protocol::Blocks256 => {
            let small = thumbnail(picture, columns, ROWS * 2)?;
            Ok(blocks(&small, protocol == Protocol::Blocks).into_bytes())
        }
        _ => {
            let small = thumbnail(picture, columns * CELL.0, ROWS * CELL.1)?;
            Ok(match protocol {
                Protocol::Kitty => kitty(&small.to_png()?, &small),
                Protocol::Iterm => iterm(&small.to_png()?, &small),
                _ => sixel(&small),
            }
            .into_bytes())
        }
    }
}

/// The cells a picture takes.
fn cells(picture: &Pixels) -> (u32, u32) {
    let (wide, high) = CELL;
    (picture.width.div_ceil(wide), picture.height.div_ceil(high))
}

/// <https://sw.kovidgoyal.net/kitty/graphics-protocol/>: a PNG in pieces of 4,096 characters, without an answer.
fn kitty(png: &[u8], picture: &Pixels) -> String {
    let (columns, rows) = cells(picture);
    let text = STANDARD.encode(png);
    let mut out = String::with_capacity(text.len() + 256);
    let mut rest = text.as_str();
    let mut first = true;
    while !rest.is_empty() {
        let (piece, after) = rest.split_at(rest.len().min(4096));
        rest = after;
        let more = u8::from(!rest.is_empty());
        let what = if std::mem::take(&mut first) {
            format!("a=T,f=100,q=2,c={columns},r={rows},")
        } else {
            String::new()
        };
        out.push_str(&format!("\x1b_G{what}m={more};{piece}\x1b\\"));
    }
    out.push('\n');
    out
}

/// <https://iterm2.com/documentation-images.html>
fn iterm(png: &[u8], picture: &Pixels) -> String {
    let (columns, rows) = cells(picture);
    format!(
        "\x1b]1337;File=inline=1;size={};width={columns};height={rows};preserveAspectRatio=1:{}\x07\n",
        png.len(),
        STANDARD.encode(png)
    )
}

/// Steps of red, green and blue in the palette of sixels: 6 * 7 * 6 = 252 of the 256 colours there are.
const STEPS: [u32; 3] = [6, 7, 6];

/// DEC's sixels: bands of six rows, in each of which every colour is drawn once over the whole width.
fn sixel(picture: &Pixels) -> String {
    let (width, height) = (picture.width as usize, picture.height as usize);
    let colours = dithered(picture);
    let mut out = format!("\x1bP0;1;0q\"1;1;{width};{height}");
    let [reds, greens, blues] = STEPS;
    for index in 0..reds * greens * blues {
        let percent = |level: u32, steps: u32| level * 100 / (steps - 1);
        let (r, g, b) = (
            index / (greens * blues),
            index / blues % greens,
            index % blues,
        );
        out.push_str(&format!(
            "#{index};2;{};{};{}",
            percent(r, reds),
            percent(g, greens),
            percent(b, blues)
        ));
    }
    for top in (0..height).step_by(6) {
        let rows = top..(top + 6).min(height);
        let mut used: Vec<u8> = rows
            .clone()
            .flat_map(|y| &colours[y * width..(y + 1) * width])
            .filter_map(|colour| *colour)
            .collect();
        used.sort_unstable();
        used.dedup();
        for colour in used {
            out.push_str(&format!("#{colour}"));
            let mut run = (0_u8, 0_usize);
            for x in 0..width {
                let bits = rows.clone().enumerate().fold(0, |bits, (bit, y)| {
                    bits | (u8::from(colours[y * width + x] == Some(colour)) << bit)
                });
                if run.0 == bits {
                    run.1 += 1;
                } else {
                    repeat(&mut out, run);
                    run = (bits, 1);
                }
            }
            if run.0 != 0 {
                repeat(&mut out, run);
            }
            out.push('$');
        }
        out.push('-');
    }
    out.push_str("\x1b\\\n");
    out
}

/// One sixel, so many times.
fn repeat(out: &mut String, (bits, count): (u8, usize)) {
    let sixel = char::from(b'?' + bits);
    match count {
        0..=3 => out.extend(std::iter::repeat_n(sixel, count)),
        _ => out.push_str(&format!("!{count}{sixel}")),
    }
}

/// The nearest colour of the palette for each pixel, the error spread over those to come (Floyd and Steinberg 1976);
/// `None` for a pixel that is seen through.
fn dithered(picture: &Pixels) -> Vec<Option<u8>> {
    let (width, height) = (picture.width as usize, picture.height as usize);
    let mut error = vec![[0_i32; 3]; (width + 2) * 2];
    let mut colours = Vec::with_capacity(width * height);
    for y in 0..height {
        let (this, next) = if y % 2 == 0 {
            (0, width + 2)
        } else {
            (width + 2, 0)
        };
        error[next..next + width + 2].fill([0; 3]);
        for x in 0..width {
            let at = (y * width + x) * 4;
            let Some(&[r, g, b, opacity]) =
                picture.rgba.get(at..at + 4).and_then(|p| p.first_chunk())
            else {
                break;
            };
            if opacity < 128 {
                colours.push(None);
                continue;
            }
            let mut index = 0;
            for (channel, value) in [r, g, b].into_iter().enumerate() {
                let steps = STEPS[channel] as i32;
                let wanted = i32::from(value) + error[this + x + 1][channel] / 16;
                let level = ((wanted * (steps - 1) + 127) / 255).clamp(0, steps - 1);
                let missing = wanted - level * 255 / (steps - 1);
                error[this + x + 2][channel] += missing * 7;
                error[next + x][channel] += missing * 3;
                error[next + x + 1][channel] += missing * 5;
                error[next + x + 2][channel] += missing;
                index = index * steps + level;
            }
            colours.push(u8::try_from(index).ok());
        }
    }
    colours
}

/// Half blocks: the upper pixel is the colour of the letter, the lower one that of the ground.
fn blocks(picture: &Pixels, true_colour: bool) -> String {
    let pixel = |x: u32, y: u32| {
        let at = (y as usize * picture.width as usize + x as usize) * 4;
        let &[r, g, b, opacity] = picture.rgba.get(at..at + 4)?.first_chunk()?;
        (y < picture.height && opacity >= 128).then_some([r, g, b])
    };
    let colour = |layer: u8, [r, g, b]: [u8; 3]| {
        if true_colour {
            return format!("\x1b[{layer};2;{r};{g};{b}m");
        }
        // The levels of the cube are 0, 95, 135, 175, 215 and 255.
        let level = |value: u8| match value {
            0..=47 => 0,
            48..=114 => 1,
            _ => (u32::from(value) - 35) / 40,
        };
        format!(
            "\x1b[{layer};5;{}m",
            16 + 36 * level(r) + 6 * level(g) + level(b)
        )
    };
    let mut out = String::new();
    for y in (0..picture.height).step_by(2) {
        let mut now = (None, None);
        for x in 0..picture.width {
            let (mut upper, mut lower) = (pixel(x, y), pixel(x, y + 1));
            let letter = match (upper, lower) {
                (None, None) => ' ',
                (Some(_), _) => '\u{2580}',
                (None, Some(_)) => {
                    std::mem::swap(&mut upper, &mut lower);
                    '\u{2584}'
                }
            };
            if (upper, lower) != now {
                if (upper.is_none() && now.0.is_some()) || (lower.is_none() && now.1.is_some()) {
                    out.push_str("\x1b[0m");
                    now = (None, None);
                }
                if upper != now.0
                    && let Some(rgb) = upper
                {
                    out.push_str(&colour(38, rgb));
                }
                if lower != now.1
                    && let Some(rgb) = lower
                {
                    out.push_str(&colour(48, rgb));
                }
                now = (upper, lower);
            }
            out.push(letter);
        }
        out.push_str("\x1b[0m\n");
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picture() -> Pixels {
        // Red over green, blue over nothing.
        let rgba = [
            [255, 0, 0, 255],
            [0, 0, 255, 255],
            [0, 255, 0, 255],
            [9, 9, 9, 0],
        ]
        .concat();
        Pixels {
            width: 2,
            height: 2,
            rgba,
        }
    }

    fn judged(variables: &[(&str, &str)]) -> Option<Protocol> {
        protocol(&|name| {
            let found = variables.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn the_terminal_is_told_by_what_it_sets() {
        let xterm = ("TERM", "xterm-256color");
        for (variables, wanted) in [
            (&[xterm][..], Some(Protocol::Blocks256)),
            (&[xterm, ("COLORTERM", "truecolor")], Some(Protocol::Blocks)),
            (&[("TERM", "xterm-kitty")], Some(Protocol::Kitty)),
            (
                &[
                    ("TERM", "xterm-kitty"),
                    ("TMUX", "x"),
                    ("COLORTERM", "truecolor"),
                ],
                Some(Protocol::Blocks),
            ),
            (
                &[xterm, ("TERM_PROGRAM", "iTerm.app")],
                Some(Protocol::Iterm),
            ),
            (
                &[xterm, ("KONSOLE_VERSION", "230401")],
                Some(Protocol::Kitty),
            ),
            (&[("TERM", "foot")], Some(Protocol::Sixel)),
            (&[("TERM", "dumb")], None),
            (&[], None),
            (&[xterm, ("NO_COLOR", "1")], None),
        ] {
            assert_eq!(judged(variables), wanted, "{variables:?}");
        }
    }

    #[test]
    fn half_blocks_hold_two_pixels_each() {
        assert_eq!(
            blocks(&picture(), true),
            "\x1b[38;2;255;0;0m\x1b[48;2;0;255;0m\u{2580}\x1b[0m\x1b[38;2;0;0;255m\u{2580}\x1b[0m\n"
        );
        assert!(blocks(&picture(), false).starts_with("\x1b[38;5;196m\x1b[48;5;46m"));
    }

    #[test]
    fn sixels_draw_every_colour_of_a_band_once() {
        let drawn = sixel(&picture());
        let (head, bands) = drawn.rsplit_once(";100;100;100").unwrap();
        assert!(head.starts_with("\x1bP0;1;0q\"1;1;2;2#0;2;0;0;0#1;"));
        // Blue, then green one row lower, then red; the pixel that is seen through is in none.
        assert_eq!(bands, "#5?@$#36A$#210@$-\x1b\\\n");
    }

    #[test]
    fn pictures_go_in_pieces_and_end_with_their_line() {
        let png = vec![7; 5000];
        let drawn = kitty(&png, &picture());
        assert_eq!(drawn.matches("\x1b_G").count(), 2);
        assert!(
            drawn.starts_with("\x1b_Ga=T,f=100,q=2,c=1,r=1,m=1;") && drawn.ends_with("\x1b\\\n")
        );
        assert!(
            iterm(&png, &picture())
                .starts_with("\x1b]1337;File=inline=1;size=5000;width=1;height=1;")
        );
    }
}
