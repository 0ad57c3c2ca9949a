//! A report as a picture: an SVG that every browser shows, drawn without a library.

use std::fmt::Write as _;

use super::report::Report;

const WIDTH: usize = 960;
/// The bins of a histogram.
const BINS: usize = 24;
const PANEL_WIDTH: usize = 300;
const PANEL_HEIGHT: usize = 190;
const INK: &str = "#2b2b33";
const BAR: &str = "#4a7ba6";
const SECOND: &str = "#c98b3c";

/// The picture of a report: its shares as bars, the words of each section as histograms, the faults by kind.
#[must_use]
pub fn svg(report: &Report) -> String {
    let rows = report.sections.len().div_ceil(3);
    let faults = report.rejected.len().max(1);
    let shares_bottom = 90 + 8 * 24;
    let histograms_bottom = shares_bottom + 30 + rows * PANEL_HEIGHT;
    let height = histograms_bottom + 60 + faults * 22 + 20;
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" width=\"{WIDTH}\" height=\"{height}\" \
         font-family=\"sans-serif\" font-size=\"13\" fill=\"{INK}\">\n\
         <rect width=\"{WIDTH}\" height=\"{height}\" fill=\"#ffffff\"/>\n"
    );
    text(
        &mut out,
        30,
        40,
        20,
        &format!("{} characters", report.characters),
    );
    // Single words say the least of the three.
    let [_, two, three] = report.distinct;
    let shares = [
        ("in format", report.in_format),
        ("in format, first try", Some(report.in_format_at_first)),
        ("accepted, first try", Some(report.accepted_at_first)),
        ("accepted, after retries", Some(report.accepted)),
        ("names consistent", Some(report.names_consistent)),
        ("near-duplicates", Some(report.near_duplicates)),
        ("distinct pairs of words", Some(two)),
        ("distinct triples", Some(three)),
    ];
    let known = shares
        .into_iter()
        .filter_map(|(name, share)| Some((name, share?)));
    for (at, (name, share)) in known.enumerate() {
        let y = 70 + at * 24;
        text(&mut out, 30, y + 13, 13, name);
        bar(&mut out, 220, y, (share * 560.0).round() as usize, 16, BAR);
        text(
            &mut out,
            790,
            y + 13,
            13,
            &format!("{:.1} %", share * 100.0),
        );
    }
    for (at, (key, section)) in report.sections.iter().enumerate() {
        let (x, y) = (
            30 + at % 3 * (PANEL_WIDTH + 10),
            shares_bottom + 20 + at / 3 * PANEL_HEIGHT,
        );
        let title = format!("words of a {}", key.replace('_', " "));
        text(&mut out, x, y + 14, 13, &title);
        histogram(&mut out, (x, y + 24), &section.all);
    }
    let top = histograms_bottom + 30;
    text(&mut out, 30, top, 13, "versions rejected, by fault");
    let most = report.rejected.values().max().copied().unwrap_or(1).max(1);
    for (at, (kind, count)) in report.rejected.iter().enumerate() {
        let y = top + 12 + at * 22;
        text(&mut out, 30, y + 13, 13, kind);
        bar(&mut out, 220, y, count * 560 / most, 16, SECOND);
        text(&mut out, 790, y + 13, 13, &count.to_string());
    }
    out.push_str("</svg>\n");
    out
}

// Writing to a string cannot fail.

fn text(out: &mut String, x: usize, y: usize, size: usize, text: &str) {
    let safe = text.replace('&', "&amp;").replace('<', "&lt;");
    let _ = writeln!(
        out,
        "<text x=\"{x}\" y=\"{y}\" font-size=\"{size}\">{safe}</text>"
    );
}

fn bar(out: &mut String, x: usize, y: usize, width: usize, height: usize, colour: &str) {
    let width = width.max(1);
    let _ = writeln!(
        out,
        "<rect x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\" fill=\"{colour}\"/>"
    );
}

/// How many of `all`, which is sorted, fall into each of some equal parts.
fn histogram(out: &mut String, (x, y): (usize, usize), all: &[usize]) {
    let (Some(&least), Some(&most)) = (all.first(), all.last()) else {
        return;
    };
    let width = (most - least + 1).div_ceil(BINS).max(1);
    let mut bins = vec![0_usize; (most - least) / width + 1];
    for words in all {
        bins[(words - least) / width] += 1;
    }
    let tallest = bins.iter().max().copied().unwrap_or(1).max(1);
    let (bar_width, full) = (PANEL_WIDTH / bins.len().max(BINS), 110);
    for (at, count) in bins.iter().enumerate().filter(|(_, count)| **count > 0) {
        let height = (count * full / tallest).max(1);
        bar(
            out,
            x + at * bar_width,
            y + full - height,
            bar_width.saturating_sub(1).max(1),
            height,
            BAR,
        );
    }
    let median = all[all.len() / 2];
    let middle = x + (median - least) / width * bar_width + bar_width / 2;
    let _ = writeln!(
        out,
        "<line x1=\"{middle}\" y1=\"{y}\" x2=\"{middle}\" y2=\"{}\" stroke=\"{SECOND}\" stroke-width=\"2\"/>",
        y + full
    );
    text(out, x, y + full + 18, 12, &least.to_string());
    text(
        out,
        middle.saturating_sub(8),
        y + full + 34,
        12,
        &format!("{median}"),
    );
    let end = x + bins.len() * bar_width;
    text(
        out,
        end.saturating_sub(10),
        y + full + 18,
        12,
        &most.to_string(),
    );
}
