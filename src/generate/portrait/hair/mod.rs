//! Hair: what lies behind the head, what frames the face, what falls over the shoulders.
//!
//! Each cut is three lists of outlines in the measures of a head with cheeks at 64; wider heads stretch them.

mod back;
mod front;

pub(super) use back::{back, over_shoulders};
pub(super) use front::front;

use super::canvas::{Canvas, fade};
use super::look::Look;
use super::palette::Tones;
use super::shape::{Knot, Shape, s};
use super::traits::Cut;

/// Whether the cut leaves the ears to be seen.
pub(super) fn shows_ears(cut: Cut) -> bool {
    !matches!(
        cut,
        Cut::Long | Cut::Wavy | Cut::Hime | Cut::Bob | Cut::Curls | Cut::Afro
    )
}

fn wide(look: &Look, knots: &[Knot]) -> Vec<Knot> {
    let k = look.head.cheek / 64.0;
    knots
        .iter()
        .map(|knot| Knot {
            x: knot.x * k,
            ..*knot
        })
        .collect()
}

/// A mass of hair: its ink, grain for depth, a few strands.
fn mass(canvas: &mut Canvas, look: &Look, knots: &[Knot], strands: &[Vec<Knot>]) {
    let hair = look.palette.hair;
    let knots = wide(look, knots);
    let shape = look.head.front(&knots);
    canvas.fill(&shape, hair.base);
    canvas.within(&shape, |canvas| {
        canvas.grain(&shape, hair.shade, fade((70.0, 40.0), (-30.0, -60.0), 0.75));
        for strand in strands {
            let strand = look.head.turned(&wide(look, strand));
            canvas.fill(&Shape::taper(&strand, 1.0, 4.0), hair.shade);
        }
        shine(canvas, look);
    });
}

fn shine(canvas: &mut Canvas, look: &Look) {
    let hair = look.palette.hair;
    let band = [
        s(-62.0, -52.0),
        s(-50.0, -84.0),
        s(-26.0, -103.0),
        s(4.0, -109.0),
    ];
    let band = look.head.turned(&wide(look, &band));
    canvas.fill(&Shape::taper(&band, 9.0, 1.5), hair.shine);
    let second = [s(-44.0, -62.0), s(-34.0, -80.0), s(-18.0, -92.0)];
    let second = look.head.turned(&wide(look, &second));
    canvas.fill(&Shape::taper(&second, 4.0, 1.0), hair.shine);
}

fn behind(canvas: &mut Canvas, look: &Look, knots: &[Knot]) {
    let hair = look.palette.hair;
    let shape = Shape::closed(&wide(look, knots));
    canvas.fill(&shape, hair.shade);
    canvas.grain(
        &shape,
        hair.shade.darker(0.07),
        fade((0.0, 60.0), (0.0, -60.0), 0.8),
    );
}

fn curl_marks(canvas: &mut Canvas, hair: Tones, places: &[(f64, f64, f64)]) {
    for &(x, y, r) in places {
        let mark = [
            s(x - r, y + r * 0.2),
            s(x - r * 0.5, y - r * 0.8),
            s(x + r * 0.6, y - r * 0.6),
            s(x + r * 0.7, y + r * 0.4),
            s(x, y + r * 0.5),
        ];
        canvas.trace(&Shape::open(&mark), 2.2, hair.shade, 1.0);
    }
}
