//! The loss over the steps, as a picture (SVG).

use std::fmt::Write as _;

/// Steps over which a curve is smoothed, as a share of all.
const SMOOTH: f32 = 0.03;
const WIDTH: f32 = 800.0;
const HEIGHT: f32 = 420.0;
/// Room for the axes: left, top, right, bottom.
const MARGIN: [f32; 4] = [56.0, 44.0, 24.0, 44.0];

/// Draws the loss of each step, smoothed and faintly as it was, and the loss on held-out texts.
#[must_use]
pub(super) fn draw(title: &str, losses: &[f32], held_out: &[(usize, f32)]) -> String {
    let smooth = smoothed(losses);
    // Single texts reach far above and below; the picture shows what the middle nine tenths do.
    let mut sorted: Vec<f32> = losses.to_vec();
    sorted.sort_by(f32::total_cmp);
    let quantile = |share: f32| {
        let index = (sorted.len().saturating_sub(1)) as f32 * share;
        sorted.get(index as usize).copied().unwrap_or(1.0)
    };
    let others = held_out.iter().map(|(_, loss)| *loss);
    let least = others.clone().fold(quantile(0.05), f32::min);
    let most = others.fold(quantile(0.95), f32::max);
    let pad = ((most - least) * 0.08).max(0.02);
    let (least, most) = ((least - pad).max(0.0), most + pad);
    let [left, top, right, bottom] = MARGIN;
    let steps = losses.len().max(1) as f32;
    let x = |step: f32| left + step / steps * (WIDTH - left - right);
    let y = |loss: f32| {
        let share = ((loss - least) / (most - least)).clamp(0.0, 1.0);
        HEIGHT - bottom - share * (HEIGHT - top - bottom)
    };
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" font-family=\"sans-serif\" \
         font-size=\"13\">\n<rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n\
         <text x=\"{left}\" y=\"26\" font-size=\"16\" fill=\"#222222\">{}</text>\n",
        escape(title)
    );
    let stride = nice((most - least) / 5.0);
    let mut at = (least / stride).ceil() * stride;
    while at <= most {
        let line = y(at);
        let _ = writeln!(
            out,
            "<line x1=\"{left}\" y1=\"{line:.1}\" x2=\"{:.1}\" y2=\"{line:.1}\" stroke=\"#e4e4e4\"/>\
             <text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\" fill=\"#555555\">{at:.2}</text>",
            WIDTH - right,
            left - 8.0,
            line + 4.5
        );
        at += stride;
    }
    let stride = nice(steps / 6.0).max(1.0);
    let mut at = 0.0;
    while at <= steps {
        let _ = writeln!(
            out,
            "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\" fill=\"#555555\">{at}</text>",
            x(at),
            HEIGHT - bottom + 20.0
        );
        at += stride;
    }
    let _ = writeln!(
        out,
        "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\" fill=\"#555555\">steps</text>",
        WIDTH - right,
        HEIGHT - 8.0
    );
    let path = |points: &mut dyn Iterator<Item = (f32, f32)>| {
        let mut path = String::new();
        for (step, loss) in points {
            let _ = write!(path, "{:.1},{:.1} ", x(step), y(loss));
        }
        path
    };
    let curve = |numbers: &[f32]| {
        let mut points = numbers
            .iter()
            .enumerate()
            .map(|(i, loss)| (i as f32 + 1.0, *loss));
        path(&mut points)
    };
    let _ = writeln!(
        out,
        "<polyline points=\"{}\" fill=\"none\" stroke=\"#4477aa\" stroke-width=\"0.6\" opacity=\"0.3\"/>\n\
         <polyline points=\"{}\" fill=\"none\" stroke=\"#4477aa\" stroke-width=\"2\"/>",
        curve(losses),
        curve(&smooth)
    );
    let mut points = held_out.iter().map(|(step, loss)| (*step as f32, *loss));
    let _ = writeln!(
        out,
        "<polyline points=\"{}\" fill=\"none\" stroke=\"#cc6633\" stroke-width=\"2\"/>",
        path(&mut points)
    );
    for (step, loss) in held_out {
        let (x, y) = (x(*step as f32), y(*loss));
        let _ = writeln!(
            out,
            "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3.5\" fill=\"#cc6633\"/>"
        );
    }
    for (index, (colour, what)) in [("#4477aa", "training"), ("#cc6633", "held out")]
        .iter()
        .enumerate()
    {
        let at = WIDTH - right - 190.0 + 100.0 * index as f32;
        let _ = writeln!(
            out,
            "<rect x=\"{at}\" y=\"16\" width=\"12\" height=\"12\" fill=\"{colour}\"/>\
             <text x=\"{}\" y=\"26.5\" fill=\"#222222\">{what}</text>",
            at + 17.0
        );
    }
    out.push_str("</svg>\n");
    out
}

/// A round number near `number`.
fn nice(number: f32) -> f32 {
    let power = 10_f32.powf(number.max(1e-6).log10().floor());
    let digit = number / power;
    let round = [1.0, 2.0, 5.0].into_iter().find(|round| digit <= *round);
    power * round.unwrap_or(10.0)
}

/// A running mean that forgets slowly and does not pull towards its start.
fn smoothed(losses: &[f32]) -> Vec<f32> {
    let keep = 1.0 - 1.0 / (losses.len() as f32 * SMOOTH).max(1.0);
    let (mut sum, mut weight) = (0.0, 0.0);
    losses
        .iter()
        .map(|loss| {
            sum = sum * keep + loss;
            weight = weight * keep + 1.0;
            sum / weight
        })
        .collect()
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_curve_is_drawn_within_its_frame_whatever_the_numbers() {
        let falling: Vec<f32> = (0..100).map(|step| 3.0 - step as f32 * 0.01).collect();
        let held_out = [(0, 3.1), (50, 2.6), (100, 2.2)];
        let picture = draw("a <b> & c", &falling, &held_out);
        assert!(picture.contains("a &lt;b&gt; &amp; c"));
        assert_eq!(picture.matches("<circle").count(), 3);
        for picture in [
            picture,
            draw("", &[], &[]),
            draw("", &[1.0], &[]),
            draw("", &[2.0; 9], &[(9, 2.0)]),
            draw("", &[0.01, 2.0, 0.02], &[]),
        ] {
            assert!(picture.ends_with("</svg>\n"));
            assert!(
                ["NaN", "inf", ">-"]
                    .iter()
                    .all(|odd| !picture.contains(odd)),
                "{picture}"
            );
        }
    }

    /// Draws the picture beside the adapter that comes with the program from its table, as `train` did.
    #[test]
    fn the_picture_of_the_adapter_is_that_of_its_table() {
        let folder = std::path::Path::new("training/adapter");
        let table = std::fs::read_to_string(folder.join("loss.csv")).unwrap();
        let (mut losses, mut held_out) = (Vec::new(), Vec::new());
        for line in table.lines().skip(1) {
            let fields: Vec<&str> = line.split(',').collect();
            losses.extend(fields[1].parse::<f32>().ok());
            held_out.extend(
                fields[2]
                    .parse::<f32>()
                    .ok()
                    .map(|loss| (fields[0].parse().unwrap(), loss)),
            );
        }
        assert_eq!(losses.len(), 1630);
        let picture = draw(
            "smollm2-135m-limarp: loss per token, in nats",
            &losses,
            &held_out,
        );
        if std::env::var_os("CARDWRIGHT_DRAW").is_some() {
            std::fs::write(folder.join("loss.svg"), &picture).unwrap();
        }
        assert_eq!(
            picture,
            std::fs::read_to_string(folder.join("loss.svg")).unwrap()
        );
    }
}
