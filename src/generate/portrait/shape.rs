//! Outlines: closed or open curves through a few knots, the way an illustrator places them.
//!
//! A curve passes through its knots; at a smooth knot it is parallel to the line between the neighbours, at a corner it
//! breaks. Handles are a third of their own span, so uneven knots do not overshoot.

use tiny_skia::{Path, PathBuilder, Rect};

/// A point of an outline.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Knot {
    pub(super) x: f64,
    pub(super) y: f64,
    /// Whether the outline breaks here.
    pub(super) corner: bool,
}

/// A knot where the outline runs on smoothly.
pub(super) const fn s(x: f64, y: f64) -> Knot {
    Knot {
        x,
        y,
        corner: false,
    }
}

/// A knot where the outline has a corner.
pub(super) const fn c(x: f64, y: f64) -> Knot {
    Knot { x, y, corner: true }
}

/// An outline to fill or to stroke; `None` inside where the geometry is empty, which draws nothing.
#[derive(Debug, Clone)]
pub(super) struct Shape(pub(super) Option<Path>);

impl Shape {
    /// A closed curve through `knots`.
    pub(super) fn closed(knots: &[Knot]) -> Self {
        let mut builder = PathBuilder::new();
        spline(&mut builder, knots, true);
        Self(builder.finish())
    }

    /// An open curve through `knots`.
    pub(super) fn open(knots: &[Knot]) -> Self {
        let mut builder = PathBuilder::new();
        spline(&mut builder, knots, false);
        Self(builder.finish())
    }

    /// A closed polygon.
    pub(super) fn polygon(points: &[(f64, f64)]) -> Self {
        let knots: Vec<Knot> = points.iter().map(|&(x, y)| c(x, y)).collect();
        Self::closed(&knots)
    }

    /// Straight lines through points.
    pub(super) fn line(points: &[(f64, f64)]) -> Self {
        let knots: Vec<Knot> = points.iter().map(|&(x, y)| c(x, y)).collect();
        Self::open(&knots)
    }

    /// A circle.
    pub(super) fn circle(x: f64, y: f64, radius: f64) -> Self {
        Self(PathBuilder::from_circle(
            x as f32,
            y as f32,
            radius.max(0.01) as f32,
        ))
    }

    /// An upright ellipse.
    pub(super) fn ellipse(x: f64, y: f64, rx: f64, ry: f64) -> Self {
        Self(
            Rect::from_ltrb(
                (x - rx) as f32,
                (y - ry) as f32,
                (x + rx) as f32,
                (y + ry) as f32,
            )
            .and_then(PathBuilder::from_oval),
        )
    }

    /// A rectangle by its left, top, width and height.
    pub(super) fn rect(x: f64, y: f64, width: f64, height: f64) -> Self {
        Self(
            Rect::from_xywh(x as f32, y as f32, width as f32, height as f32)
                .map(PathBuilder::from_rect),
        )
    }

    /// A round-headed arch standing on `bottom`.
    pub(super) fn arch(x: f64, half: f64, top: f64, bottom: f64) -> Self {
        let k = 0.5523 * half;
        let mut b = PathBuilder::new();
        let f = |v: f64| v as f32;
        b.move_to(f(x - half), f(bottom));
        b.line_to(f(x - half), f(top + half));
        b.cubic_to(
            f(x - half),
            f(top + half - k),
            f(x - k),
            f(top),
            f(x),
            f(top),
        );
        b.cubic_to(
            f(x + k),
            f(top),
            f(x + half),
            f(top + half - k),
            f(x + half),
            f(top + half),
        );
        b.line_to(f(x + half), f(bottom));
        b.close();
        Self(b.finish())
    }

    /// A tapering stroke along `knots`: as wide as `from` at the start and `to` at the end.
    pub(super) fn taper(knots: &[Knot], from: f64, to: f64) -> Self {
        let count = knots.len();
        if count < 2 {
            return Self(None);
        }
        let mut left = Vec::with_capacity(count * 2);
        let mut right = Vec::with_capacity(count);
        for (i, knot) in knots.iter().enumerate() {
            let before = knots[i.saturating_sub(1)];
            let after = knots[(i + 1).min(count - 1)];
            let (dx, dy) = (after.x - before.x, after.y - before.y);
            let length = dx.hypot(dy).max(1e-6);
            let half = (from + (to - from) * i as f64 / (count - 1) as f64) / 2.0;
            let (nx, ny) = (-dy / length * half, dx / length * half);
            let end = i == 0 || i == count - 1;
            left.push(Knot {
                x: knot.x + nx,
                y: knot.y + ny,
                corner: end,
            });
            right.push(Knot {
                x: knot.x - nx,
                y: knot.y - ny,
                corner: end,
            });
        }
        left.extend(right.into_iter().rev());
        Self::closed(&left)
    }

    /// A shape made of several.
    pub(super) fn group(shapes: &[Self]) -> Self {
        let mut builder = PathBuilder::new();
        for path in shapes.iter().filter_map(|shape| shape.0.as_ref()) {
            builder.push_path(path);
        }
        Self(builder.finish())
    }
}

/// The knots of the right side, on the right (1) or the left (-1).
pub(super) fn sided(knots: &[Knot], side: f64) -> Vec<Knot> {
    knots
        .iter()
        .map(|knot| Knot {
            x: knot.x * side,
            ..*knot
        })
        .collect()
}

/// The whole outline from its right half, given from the top of the axis to its bottom.
pub(super) fn mirror(half: &[Knot]) -> Vec<Knot> {
    let mut knots = half.to_vec();
    knots.extend(
        half.iter()
            .rev()
            .filter(|knot| knot.x.abs() > 1e-9)
            .map(|knot| Knot {
                x: -knot.x,
                ..*knot
            }),
    );
    knots
}

/// The same knots on the other side.
pub(super) fn flip(knots: &[Knot]) -> Vec<Knot> {
    knots
        .iter()
        .map(|knot| Knot {
            x: -knot.x,
            ..*knot
        })
        .collect()
}

fn spline(builder: &mut PathBuilder, knots: &[Knot], closed: bool) {
    let count = knots.len();
    if count < 2 {
        return;
    }
    let neighbour = |i: usize, step: isize| {
        let index = i as isize + step;
        let index = if closed {
            index.rem_euclid(count as isize)
        } else {
            index.clamp(0, count as isize - 1)
        };
        knots[index as usize]
    };
    let handle = |i: usize, towards: Knot, sign: f64| {
        let knot = knots[i];
        let span = (towards.x - knot.x).hypot(towards.y - knot.y) / 3.0;
        let (before, after) = (neighbour(i, -1), neighbour(i, 1));
        let (mut dx, mut dy) = (after.x - before.x, after.y - before.y);
        if knot.corner || dx.hypot(dy) < 1e-9 {
            (dx, dy) = ((towards.x - knot.x) * sign, (towards.y - knot.y) * sign);
        }
        let length = dx.hypot(dy).max(1e-9);
        (
            knot.x + sign * dx / length * span,
            knot.y + sign * dy / length * span,
        )
    };
    builder.move_to(knots[0].x as f32, knots[0].y as f32);
    let segments = if closed { count } else { count - 1 };
    for i in 0..segments {
        let j = (i + 1) % count;
        let (from, to) = (knots[i], knots[j]);
        if from.corner && to.corner {
            builder.line_to(to.x as f32, to.y as f32);
            continue;
        }
        let (x1, y1) = handle(i, to, 1.0);
        let (x2, y2) = handle(j, from, -1.0);
        builder.cubic_to(
            x1 as f32,
            y1 as f32,
            x2 as f32,
            y2 as f32,
            to.x as f32,
            to.y as f32,
        );
    }
    if closed {
        builder.close();
    }
}
