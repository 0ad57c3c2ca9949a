//! The sheet a portrait is printed on: flat inks, clips, and grain instead of gradients.
//!
//! Grain is what gives the flat shapes depth, as in a risograph print: an ink laid down as dots that thin out along a
//! direction. The dots come from a hash of the pixel's place, so the same picture has the same dots everywhere.

use std::sync::LazyLock;

use tiny_skia::{FillRule, LineCap, LineJoin, Mask, Paint, PathBuilder, Pixmap, Stroke, Transform};

use super::colour::Colour;
use super::shape::Shape;

/// A sheet with a current transform and clip.
pub(super) struct Canvas {
    pixmap: Pixmap,
    transform: Transform,
    clip: Option<Mask>,
    width: f64,
    height: f64,
}

/// Where grain is dense (`from`) and where it has faded out (`to`), in the coordinates of the shape.
#[derive(Debug, Clone, Copy)]
pub(super) struct Fade {
    pub(super) from: (f64, f64),
    pub(super) to: (f64, f64),
    /// Share of dots where it is densest, 0 to 1.
    pub(super) density: f64,
}

/// Shorthand for [`Fade`].
pub(super) const fn fade(from: (f64, f64), to: (f64, f64), density: f64) -> Fade {
    Fade { from, to, density }
}

impl Canvas {
    /// An empty sheet of `width` by `height` units, each `scale` pixels; `None` where it has no area.
    pub(super) fn new(width: u32, height: u32, scale: f64) -> Option<Self> {
        let (width, height) = (f64::from(width), f64::from(height));
        let pixels = |units: f64| (units * scale).round() as u32;
        Some(Self {
            pixmap: Pixmap::new(pixels(width), pixels(height))?,
            transform: Transform::from_scale(scale as f32, scale as f32),
            clip: None,
            width,
            height,
        })
    }

    /// The width and height in units.
    pub(super) fn size(&self) -> (f64, f64) {
        (self.width, self.height)
    }

    /// The finished pixels: RGB, row by row.
    pub(super) fn into_rgb(self) -> Vec<[u8; 3]> {
        self.pixmap
            .pixels()
            .iter()
            .map(|pixel| [pixel.red(), pixel.green(), pixel.blue()])
            .collect()
    }

    /// Draws with coordinates scaled by `(sx, sy)`, turned by `degrees` and moved to `(x, y)`.
    pub(super) fn placed(
        &mut self,
        (x, y): (f64, f64),
        (sx, sy): (f64, f64),
        degrees: f64,
        draw: impl FnOnce(&mut Self),
    ) {
        let outer = self.transform;
        // sin_cos in f64, so that platforms agree after rounding.
        let (sin, cos) = degrees.to_radians().sin_cos();
        let local = Transform::from_row(
            (sx * cos) as f32,
            (sx * sin) as f32,
            (-sy * sin) as f32,
            (sy * cos) as f32,
            x as f32,
            y as f32,
        );
        self.transform = outer.pre_concat(local);
        draw(self);
        self.transform = outer;
    }

    /// Draws only inside `shape`.
    pub(super) fn within(&mut self, shape: &Shape, draw: impl FnOnce(&mut Self)) {
        let Some(path) = &shape.0 else { return };
        let outer = self.clip.take();
        let mut mask = outer.clone();
        match &mut mask {
            Some(mask) => mask.intersect_path(path, FillRule::Winding, true, self.transform),
            None => {
                mask = Mask::new(self.pixmap.width(), self.pixmap.height());
                if let Some(mask) = &mut mask {
                    mask.fill_path(path, FillRule::Winding, true, self.transform);
                }
            }
        }
        self.clip = mask;
        draw(self);
        self.clip = outer;
    }

    /// Covers the sheet.
    pub(super) fn flood(&mut self, colour: Colour) {
        let (w, h) = self.size();
        self.fill(&Shape::rect(0.0, 0.0, w, h), colour);
    }

    /// Fills `shape`.
    pub(super) fn fill(&mut self, shape: &Shape, colour: Colour) {
        self.wash(shape, colour, 1.0);
    }

    /// Fills `shape` with an ink of `opacity` 0 to 1.
    pub(super) fn wash(&mut self, shape: &Shape, colour: Colour, opacity: f64) {
        let Some(path) = &shape.0 else { return };
        self.pixmap.fill_path(
            path,
            &paint(colour, opacity),
            FillRule::Winding,
            self.transform,
            self.clip.as_ref(),
        );
    }

    /// Fills what lies between the outlines of `shape`: holes stay open.
    pub(super) fn ring(&mut self, shape: &Shape, colour: Colour) {
        let Some(path) = &shape.0 else { return };
        self.pixmap.fill_path(
            path,
            &paint(colour, 1.0),
            FillRule::EvenOdd,
            self.transform,
            self.clip.as_ref(),
        );
    }

    /// Strokes along `shape` with round ends.
    pub(super) fn stroke(&mut self, shape: &Shape, width: f64, colour: Colour) {
        self.trace(shape, width, colour, 1.0);
    }

    /// Strokes along `shape` with an ink of `opacity` 0 to 1.
    pub(super) fn trace(&mut self, shape: &Shape, width: f64, colour: Colour, opacity: f64) {
        let Some(path) = &shape.0 else { return };
        let stroke = Stroke {
            width: width as f32,
            line_cap: LineCap::Round,
            line_join: LineJoin::Round,
            ..Stroke::default()
        };
        self.pixmap.stroke_path(
            path,
            &paint(colour, opacity),
            &stroke,
            self.transform,
            self.clip.as_ref(),
        );
    }

    /// Lays grain of `colour` over `shape`, thinning along `fade`.
    pub(super) fn grain(&mut self, shape: &Shape, colour: Colour, fade: Fade) {
        let Some(path) = shape.0.clone() else { return };
        let Some(path) = path.transform(self.transform) else {
            return;
        };
        let (width, height) = (self.pixmap.width(), self.pixmap.height());
        let bounds = path.bounds();
        let Some(mut mask) = Mask::new(width, height) else {
            return;
        };
        mask.fill_path(&path, FillRule::Winding, true, Transform::identity());
        let ends = [self.to_pixels(fade.from), self.to_pixels(fade.to)];
        let (dx, dy) = (ends[1].0 - ends[0].0, ends[1].1 - ends[0].1);
        let span = (dx * dx + dy * dy).max(1e-9);
        let [r, g, b] = colour.rgb();
        let left = bounds.left().floor().max(0.0) as u32;
        let top = bounds.top().floor().max(0.0) as u32;
        let right = (bounds.right().ceil().max(0.0) as u32).min(width);
        let bottom = (bounds.bottom().ceil().max(0.0) as u32).min(height);
        let Some(ink) = tiny_skia::PremultipliedColorU8::from_rgba(r, g, b, 255) else {
            return;
        };
        let (coverage, clip) = (mask.data(), self.clip.as_ref().map(Mask::data));
        let pixels = self.pixmap.pixels_mut();
        let specks = &*SPECKS;
        for y in top..bottom {
            let row = &specks[(y as usize % TILE) * TILE..][..TILE];
            let start = (f64::from(y) - ends[0].1) * dy - ends[0].0 * dx;
            for x in left..right {
                let index = (y * width + x) as usize;
                let mut cover = f64::from(coverage[index]);
                if cover == 0.0 {
                    continue;
                }
                if let Some(clip) = clip {
                    cover *= f64::from(clip[index]) / 255.0;
                }
                let along = (start + f64::from(x) * dx) / span;
                let dense = fade.density * (1.0 - along.clamp(0.0, 1.0)) * cover / 255.0;
                if dense > row[x as usize % TILE] {
                    pixels[index] = ink;
                }
            }
        }
    }

    fn to_pixels(&self, (x, y): (f64, f64)) -> (f64, f64) {
        let t = self.transform;
        (
            f64::from(t.sx) * x + f64::from(t.kx) * y + f64::from(t.tx),
            f64::from(t.ky) * x + f64::from(t.sy) * y + f64::from(t.ty),
        )
    }
}

fn paint(colour: Colour, opacity: f64) -> Paint<'static> {
    let [r, g, b] = colour.rgb();
    let mut paint = Paint::default();
    paint.set_color_rgba8(r, g, b, (opacity.clamp(0.0, 1.0) * 255.0).round() as u8);
    paint.anti_alias = true;
    paint
}

/// The side of the tile of thresholds.
const TILE: usize = 128;

/// The threshold of each pixel, 0 to 1: interleaved gradient noise, roughened, so that grain is even but shows no lattice.
static SPECKS: LazyLock<Vec<f64>> = LazyLock::new(|| {
    (0..(TILE * TILE) as u32)
        .map(|i| {
            let (x, y) = (i % TILE as u32, i / TILE as u32);
            let mut h = x.wrapping_mul(0x9E37_79B1) ^ y.wrapping_mul(0x85EB_CA77);
            h ^= h >> 15;
            h = h.wrapping_mul(0x2C1B_3C6D);
            h ^= h >> 12;
            h = h.wrapping_mul(0x297A_2D39);
            h ^= h >> 15;
            let rough = f64::from(h) / f64::from(u32::MAX);
            let slope = 0.067_110_56 * f64::from(x) + 0.005_837_15 * f64::from(y);
            let even = (52.982_918_9 * slope.fract()).fract();
            (0.55 * even + 0.45 * rough).clamp(0.02, 1.0)
        })
        .collect()
});

/// A shape of straight spokes from `(x, y)` between two radii, `count` of them, each `share` of its slot wide.
pub(super) fn rays(x: f64, y: f64, inner: f64, outer: f64, count: usize, share: f64) -> Shape {
    let mut builder = PathBuilder::new();
    let step = std::f64::consts::TAU / count.max(1) as f64;
    for i in 0..count {
        let a0 = step * i as f64 - step * share / 2.0;
        let a1 = a0 + step * share;
        let at = |angle: f64, r: f64| ((x + r * angle.sin()) as f32, (y - r * angle.cos()) as f32);
        let (p, q, r, s) = (at(a0, inner), at(a0, outer), at(a1, outer), at(a1, inner));
        builder.move_to(p.0, p.1);
        builder.line_to(q.0, q.1);
        builder.line_to(r.0, r.1);
        builder.line_to(s.0, s.1);
        builder.close();
    }
    Shape(builder.finish())
}
