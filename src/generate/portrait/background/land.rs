//! Open country: forest, sea, mountains, desert, garden.

use super::super::canvas::{Canvas, fade};
use super::super::look::Look;
use super::super::shape::{Knot, Shape, c, s};
use super::Scene;

/// Conifers in three depths.
pub(super) fn forest(canvas: &mut Canvas, look: &Look, scene: &Scene) {
    let p = &look.palette;
    if p.night {
        scene.stars(canvas, look, 24, scene.height * 0.4);
    }
    scene.disc(canvas, look, 142.0);
    let mut dice = look.dice("trees");
    for (layer, tone) in [p.far, p.mid, p.near].into_iter().enumerate() {
        let layer = layer as f64;
        let floor = scene.height * (0.72 + 0.10 * layer);
        let mut parts = vec![Shape::rect(-5.0, floor, scene.width + 10.0, scene.height)];
        let mut x = -20.0 + 10.0 * layer;
        while x < scene.width + 30.0 {
            let middle = ((x - scene.x) / (scene.width / 2.0)).abs();
            let tall =
                scene.height * (0.16 + 0.34 * middle * middle.min(1.0)) * dice.range(0.8, 1.15)
                    + 30.0 * layer * middle;
            let width = tall * 0.19 + 13.0;
            let top = floor + 10.0 - tall;
            let mut tree = vec![c(x, top)];
            let mut back = Vec::new();
            let tiers = 4;
            for i in 1..=tiers {
                let t = f64::from(i) / f64::from(tiers);
                let y = top + tall * t;
                let half = width * t;
                tree.push(c(x + half, y));
                back.push(c(x - half, y));
                if i < tiers {
                    tree.push(c(x + half * 0.5, y - 3.0));
                    back.push(c(x - half * 0.5, y - 3.0));
                }
            }
            back.reverse();
            tree.extend(back);
            parts.push(Shape::closed(&tree));
            x += width * dice.range(1.1, 1.7);
        }
        let wood = Shape::group(&parts);
        canvas.fill(&wood, tone);
        canvas.grain(
            &wood,
            tone.mix(p.disc, 0.3),
            fade(
                (0.0, floor + 60.0),
                (0.0, floor - 120.0),
                if layer < 2.0 { 0.6 } else { 0.15 },
            ),
        );
    }
    birds(canvas, look, scene);
}

fn birds(canvas: &mut Canvas, look: &Look, scene: &Scene) {
    let mut dice = look.dice("birds");
    for _ in 0..dice.below(5) {
        let (x, y) = (
            scene.x + dice.side() * dice.range(80.0, 170.0),
            dice.range(26.0, scene.height * 0.22),
        );
        let k = dice.range(7.0, 12.0);
        let bird = [
            s(x - k, y - k * 0.3),
            s(x - k * 0.45, y - k * 0.5),
            c(x, y),
            s(x + k * 0.45, y - k * 0.5),
            s(x + k, y - k * 0.3),
        ];
        canvas.trace(&Shape::open(&bird), 2.2, look.palette.near, 1.0);
    }
}

/// Rows of waves, a sail, gulls.
pub(super) fn sea(canvas: &mut Canvas, look: &Look, scene: &Scene) {
    let p = &look.palette;
    let (w, h) = (scene.width, scene.height);
    if p.night {
        scene.stars(canvas, look, 24, h * 0.4);
    }
    scene.disc(canvas, look, 142.0);
    let horizon = h * 0.58;
    let mut dice = look.dice("sea");
    canvas.fill(&Shape::rect(0.0, horizon, w, h), p.far);
    for i in 0..7 {
        let y = horizon + 7.0 + 9.0 * f64::from(i);
        let half = 132.0 - 14.0 * f64::from(i) + dice.range(-12.0, 12.0);
        canvas.fill(&Shape::rect(scene.x - half, y, half * 2.0, 3.4), p.disc);
    }
    let side = dice.side();
    let x = scene.x + side * w * 0.375;
    canvas.fill(
        &Shape::closed(&[
            c(x - 26.0, horizon - 4.0),
            s(x, horizon + 9.0),
            c(x + 26.0, horizon - 4.0),
        ]),
        p.near,
    );
    canvas.fill(
        &Shape::closed(&[
            c(x + 1.0, horizon - 66.0),
            s(x + 17.0, horizon - 30.0),
            c(x + 21.0, horizon - 8.0),
            c(x + 1.0, horizon - 8.0),
        ]),
        p.paper,
    );
    canvas.fill(
        &Shape::closed(&[
            c(x - 3.0, horizon - 58.0),
            s(x - 13.0, horizon - 28.0),
            c(x - 18.0, horizon - 8.0),
            c(x - 3.0, horizon - 8.0),
        ]),
        p.cloth.base,
    );
    let size = 46.0;
    for row in 0..7 {
        let y = horizon + 58.0 + f64::from(row) * 24.0;
        let t = f64::from(row) / 6.0;
        let tone = p.far.mix(p.near, 0.15 + 0.85 * t);
        for column in -1..11 {
            let x = f64::from(column) * size + if row % 2 == 0 { 0.0 } else { size / 2.0 };
            for (r, ink) in [
                (size * 0.56, tone.lighter(0.14)),
                (size * 0.56 - 2.6, tone),
                (size * 0.34, tone.lighter(0.10)),
                (size * 0.34 - 2.4, tone),
            ] {
                canvas.fill(&Shape::circle(x, y + size * 0.3, r), ink);
            }
        }
    }
    birds(canvas, look, scene);
}

/// Peaks with snow.
pub(super) fn mountains(canvas: &mut Canvas, look: &Look, scene: &Scene) {
    let p = &look.palette;
    let (w, h) = (scene.width, scene.height);
    if p.night {
        scene.stars(canvas, look, 34, h * 0.4);
    }
    scene.disc(canvas, look, 142.0);
    let mut dice = look.dice("peaks");
    for (layer, tone) in [p.far, p.mid, p.near].into_iter().enumerate() {
        let layer = layer as f64;
        let floor = h * (0.74 + 0.10 * layer);
        let side = dice.side();
        for (at, height) in [
            (side * 0.40, 0.37),
            (-side * 0.46, 0.30),
            (side * 0.06, 0.17),
            (-side * 0.22, 0.19),
        ] {
            let x = scene.x + w * (at + dice.range(-0.05, 0.05));
            let tall = h * (height - 0.055 * layer) * dice.range(0.85, 1.1);
            let top = floor - tall;
            let half = tall * dice.range(0.62, 0.80);
            let peak = Shape::polygon(&[
                (x, top),
                (x + half, floor),
                (x + half, h + 5.0),
                (x - half, h + 5.0),
                (x - half, floor),
            ]);
            canvas.fill(&peak, tone);
            let dark = Shape::polygon(&[
                (x, top),
                (x + half, floor),
                (x + half, h + 5.0),
                (x + half * 0.2, h + 5.0),
                (x + half * 0.26, floor - tall * 0.3),
                (x - half * 0.05, floor - tall * 0.55),
            ]);
            canvas.fill(&dark, tone.darker(0.05));
            canvas.grain(
                &peak,
                tone.mix(p.disc, 0.3),
                fade(
                    (0.0, floor + 30.0),
                    (0.0, top),
                    if layer < 2.0 { 0.7 } else { 0.1 },
                ),
            );
            if layer < 2.0 {
                let k = 0.30;
                let snow = Shape::polygon(&[
                    (x, top),
                    (x + half * k, top + tall * k),
                    (x + half * 0.14, top + tall * 0.22),
                    (x + half * 0.04, top + tall * 0.34),
                    (x - half * 0.10, top + tall * 0.22),
                    (x - half * 0.19, top + tall * 0.31),
                    (x - half * k * 0.9, top + tall * k * 0.9),
                ]);
                canvas.fill(&snow, p.paper.mix(tone, 0.12 + 0.2 * layer));
            }
        }
    }
    birds(canvas, look, scene);
}

/// Dunes with a sharp crest.
pub(super) fn desert(canvas: &mut Canvas, look: &Look, scene: &Scene) {
    let p = &look.palette;
    let (w, h) = (scene.width, scene.height);
    scene.disc(canvas, look, 146.0);
    let mut dice = look.dice("dunes");
    let side = dice.side();
    for (layer, tone) in [p.far, p.far.mix(p.mid, 0.6), p.mid, p.near]
        .into_iter()
        .enumerate()
    {
        let layer = layer as f64;
        let base = h * (0.56 + 0.09 * layer);
        let lift = side * if (layer as i32) % 2 == 0 { 1.0 } else { -1.0 };
        let crest = scene.x + lift * w * dice.range(0.26, 0.42);
        let dune: Vec<Knot> = vec![
            c(-6.0, base + 16.0 - lift * 14.0),
            s(crest - 90.0, base - 16.0),
            c(crest, base - 46.0),
            s(crest + 80.0, base - 4.0),
            c(w + 6.0, base + 20.0 + lift * 14.0),
            c(w + 6.0, h + 6.0),
            c(-6.0, h + 6.0),
        ];
        let shape = Shape::closed(&dune);
        canvas.fill(&shape, tone);
        canvas.within(&shape, |canvas| {
            let lee = Shape::closed(&[
                c(crest, base - 46.0),
                s(crest + 80.0, base - 4.0),
                c(w + 40.0, base + 40.0),
                c(w + 40.0, h),
                s(crest + 40.0, base + 110.0),
                s(crest - 34.0, base + 40.0),
            ]);
            canvas.fill(&lee, tone.darker(0.055));
        });
        canvas.grain(
            &shape,
            tone.mix(p.disc, 0.4),
            fade((0.0, base - 46.0), (0.0, base + 60.0), 0.5),
        );
    }
    birds(canvas, look, scene);
}

/// Broad leaves and blossoms around the figure.
pub(super) fn garden(canvas: &mut Canvas, look: &Look, scene: &Scene) {
    let p = &look.palette;
    scene.disc(canvas, look, 144.0);
    let mut dice = look.dice("leaves");
    let (w, h) = (scene.width, scene.height);
    let green = p
        .near
        .mix(super::super::colour::lch(0.42, 0.09, 152.0), 0.6);
    for depth in 0..3 {
        let tone = [p.far.mix(green, 0.35), green.lighter(0.10), green][depth];
        for i in 0..9 {
            let side = if i % 2 == 0 { -1.0 } else { 1.0 };
            let y = h * (0.22 + 0.085 * f64::from(i)) + dice.range(-20.0, 20.0);
            let x = scene.x + side * (w * 0.56 - 10.0 * depth as f64);
            let length = dice.range(92.0, 140.0) * (0.85 + 0.1 * depth as f64);
            let angle = if side < 0.0 {
                dice.range(-62.0, 10.0)
            } else {
                dice.range(170.0, 242.0)
            };
            canvas.placed((x, y + 26.0 * depth as f64), (1.0, 1.0), angle, |canvas| {
                let leaf = Shape::closed(&[
                    c(0.0, 0.0),
                    s(length * 0.3, -length * 0.17),
                    s(length * 0.65, -length * 0.15),
                    c(length, 0.0),
                    s(length * 0.65, length * 0.15),
                    s(length * 0.3, length * 0.17),
                ]);
                canvas.fill(&leaf, tone);
                canvas.within(&leaf, |canvas| {
                    canvas.fill(&Shape::rect(0.0, 0.0, length, length), tone.darker(0.045));
                    for k in 1..6 {
                        let t = f64::from(k) * length / 6.5;
                        canvas.trace(
                            &Shape::line(&[(t, 0.0), (t + length * 0.14, -length * 0.2)]),
                            1.4,
                            tone.lighter(0.07),
                            1.0,
                        );
                        canvas.trace(
                            &Shape::line(&[(t, 0.0), (t + length * 0.14, length * 0.2)]),
                            1.4,
                            tone.lighter(0.03),
                            1.0,
                        );
                    }
                });
                canvas.trace(
                    &Shape::line(&[(0.0, 0.0), (length * 0.94, 0.0)]),
                    2.0,
                    tone.lighter(0.09),
                    1.0,
                );
            });
        }
    }
    for i in 0..7 {
        let side = if i % 2 == 0 { -1.0 } else { 1.0 };
        let (x, y) = (
            scene.x + side * dice.range(w * 0.34, w * 0.47),
            h * dice.range(0.28, 0.86),
        );
        let r = dice.range(12.0, 21.0);
        let petal = dice.pick(&[p.lip.at(0.72), p.trim, p.paper, p.cloth.base.at(0.66)]);
        for k in 0..5 {
            let (sin, cos) = (f64::from(k) * 72.0 + 10.0_f64).to_radians().sin_cos();
            canvas.fill(
                &Shape::circle(x + r * 0.62 * sin, y - r * 0.62 * cos, r * 0.5),
                petal,
            );
        }
        canvas.fill(
            &Shape::circle(x, y, r * 0.34),
            p.trim.turned(-30.0).darker(0.06),
        );
    }
}
