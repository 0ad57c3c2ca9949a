//! Where somebody stands: sky, a disc of light behind the head, and a place in a few flat layers.
//!
//! The disc does the work at thumbnail size: it carries the silhouette of the head. Places keep to the sides and the
//! lower half, so that nothing runs into the face.

mod built;
mod land;
mod sky;

use super::canvas::{Canvas, fade, rays};
use super::look::Look;
use super::shape::Shape;
use super::traits::Setting;

/// The sheet behind the figure and where things stand on it.
struct Scene {
    width: f64,
    height: f64,
    /// The middle of the head.
    x: f64,
    y: f64,
}

/// Draws the place behind a head at `(x, y)`.
pub(super) fn draw(canvas: &mut Canvas, look: &Look, (x, y): (f64, f64)) {
    let (width, height) = canvas.size();
    let scene = Scene {
        width,
        height,
        x,
        y,
    };
    let p = &look.palette;
    canvas.flood(p.sky);
    let sheet = Shape::rect(0.0, 0.0, width, height);
    let deep = p.sky.mix(p.near, 0.28);
    if p.night {
        canvas.grain(&sheet, deep, fade((0.0, 0.0), (0.0, height * 0.7), 0.8));
    } else {
        canvas.grain(
            &sheet,
            p.sky.lighter(0.06),
            fade((0.0, height * 0.75), (0.0, 0.0), 0.8),
        );
    }
    match look.setting {
        Setting::Moon => sky::moon(canvas, look, &scene),
        Setting::Space => sky::space(canvas, look, &scene),
        Setting::Circuit => sky::circuit(canvas, look, &scene),
        Setting::Deco => sky::deco(canvas, look, &scene),
        Setting::City => built::city(canvas, look, &scene),
        Setting::Library => built::library(canvas, look, &scene),
        Setting::Castle => built::castle(canvas, look, &scene),
        Setting::Lanterns => built::lanterns(canvas, look, &scene),
        Setting::Workshop => built::workshop(canvas, look, &scene),
        Setting::Forest => land::forest(canvas, look, &scene),
        Setting::Sea => land::sea(canvas, look, &scene),
        Setting::Mountain => land::mountains(canvas, look, &scene),
        Setting::Desert => land::desert(canvas, look, &scene),
        Setting::Garden => land::garden(canvas, look, &scene),
    }
}

impl Scene {
    /// The disc of light behind the head, in one of several manners.
    fn disc(&self, canvas: &mut Canvas, look: &Look, radius: f64) {
        let p = &look.palette;
        let mut dice = look.dice("disc");
        let (x, y) = (self.x, self.y - 8.0);
        match dice.below(5) {
            0 => {
                for (grow, share) in [(1.42, 0.22), (1.22, 0.45)] {
                    canvas.fill(
                        &Shape::circle(x, y, radius * grow),
                        p.sky.mix(p.disc, share),
                    );
                }
            }
            1 => {
                let spokes = rays(x, y, radius * 1.06, 700.0, 24, 0.5);
                canvas.fill(&spokes, p.sky.mix(p.disc, 0.16));
            }
            2 => {
                canvas.stroke(&Shape::circle(x, y, radius * 1.13), 2.6, p.disc);
            }
            3 => {
                for grow in [1.12, 1.24, 1.36] {
                    canvas.trace(&Shape::circle(x, y, radius * grow), 2.2, p.disc, 0.6);
                }
            }
            _ => {}
        }
        let disc = Shape::circle(x, y, radius);
        canvas.fill(&disc, p.disc);
        let low = p.disc.mix(p.sky, 0.4);
        canvas.grain(
            &disc,
            low,
            fade((x, y + radius), (x, y - radius * 0.5), 0.8),
        );
    }

    /// Small four-pointed and round stars above `floor`.
    fn stars(&self, canvas: &mut Canvas, look: &Look, count: usize, floor: f64) {
        let p = &look.palette;
        let mut dice = look.dice("stars");
        for i in 0..count {
            let (x, y) = (dice.range(6.0, self.width - 6.0), dice.range(6.0, floor));
            if i % 5 == 0 {
                let r = dice.range(5.0, 9.0);
                let k = r * 0.2;
                let star = Shape::polygon(&[
                    (x, y - r),
                    (x + k, y - k),
                    (x + r, y),
                    (x + k, y + k),
                    (x, y + r),
                    (x - k, y + k),
                    (x - r, y),
                    (x - k, y - k),
                ]);
                canvas.fill(&star, p.light);
            } else {
                canvas.fill(&Shape::circle(x, y, dice.range(0.9, 2.1)), p.light);
            }
        }
    }
}
