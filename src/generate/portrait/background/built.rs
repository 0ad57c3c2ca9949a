//! Built places: city, library, castle, lantern street, workshop.

use super::super::canvas::{Canvas, fade, rays};
use super::super::look::Look;
use super::super::shape::{Shape, c, s};
use super::Scene;

/// Three rows of towers with setbacks and lit windows.
pub(super) fn city(canvas: &mut Canvas, look: &Look, scene: &Scene) {
    let p = &look.palette;
    if p.night {
        scene.stars(canvas, look, 26, scene.height * 0.4);
    }
    scene.disc(canvas, look, 140.0);
    let mut dice = look.dice("towers");
    for (layer, tone) in [p.far, p.mid, p.near].into_iter().enumerate() {
        let layer = layer as f64;
        let mut x = -12.0 - 14.0 * layer;
        while x < scene.width + 10.0 {
            let width = dice.range(34.0, 58.0);
            let middle = ((x + width / 2.0 - scene.x) / (scene.width / 2.0)).abs();
            // Towers stay low behind the head.
            let rise = (0.34 + 0.30 * middle - 0.13 * layer) * dice.range(0.75, 1.12);
            let top = scene.height * (0.86 - rise.max(0.1));
            let mut parts = vec![Shape::rect(x, top, width, scene.height)];
            match dice.below(4) {
                0 => {
                    parts.push(Shape::rect(
                        x + width * 0.18,
                        top - 16.0,
                        width * 0.64,
                        30.0,
                    ));
                    parts.push(Shape::rect(
                        x + width * 0.34,
                        top - 34.0,
                        width * 0.32,
                        40.0,
                    ));
                    parts.push(Shape::polygon(&[
                        (x + width * 0.5 - 2.0, top - 34.0),
                        (x + width * 0.5, top - 74.0),
                        (x + width * 0.5 + 2.0, top - 34.0),
                    ]));
                }
                1 => parts.push(Shape::polygon(&[
                    (x, top + 1.0),
                    (x + width * 0.5, top - 30.0),
                    (x + width, top + 1.0),
                ])),
                2 => parts.push(Shape::ellipse(x + width / 2.0, top, width * 0.36, 22.0)),
                _ => parts.push(Shape::rect(x + width * 0.12, top - 10.0, width * 0.2, 20.0)),
            }
            let tower = Shape::group(&parts);
            canvas.fill(&tower, tone);
            canvas.grain(
                &tower,
                tone.mix(p.disc, 0.22),
                fade(
                    (0.0, scene.height * 0.95),
                    (0.0, top),
                    if layer < 2.0 { 0.55 } else { 0.0 },
                ),
            );
            let lit = if p.night { p.light } else { tone.lighter(0.09) };
            let columns = (width / 11.0) as i32;
            let rows = ((scene.height - top) / 15.0) as i32;
            for row in 0..rows {
                for column in 0..columns {
                    if dice.chance(if p.night { 0.30 } else { 0.5 }) {
                        let wx = x + 5.0 + f64::from(column) * 11.0;
                        canvas.wash(
                            &Shape::rect(wx, top + 9.0 + f64::from(row) * 15.0, 4.6, 7.5),
                            lit,
                            0.40 + 0.22 * layer,
                        );
                    }
                }
            }
            x += width + dice.range(-4.0, 5.0);
        }
    }
}

/// A tall arched window between shelves of books.
pub(super) fn library(canvas: &mut Canvas, look: &Look, scene: &Scene) {
    let p = &look.palette;
    let wood = p.near.mix(p.far, 0.25);
    canvas.flood(p.mid);
    let mut dice = look.dice("books");
    let shelf = 84.0;
    let inks = [
        p.cloth.base,
        p.lining.mix(p.mid, 0.3),
        p.trim.mix(p.mid, 0.25),
        p.far.lighter(0.08),
        p.disc.mix(p.mid, 0.55),
        p.cloth.shade.turned(40.0),
        p.near.lighter(0.12),
    ];
    let mut top = -22.0;
    while top < scene.height {
        canvas.fill(
            &Shape::rect(0.0, top, scene.width, shelf),
            wood.darker(0.04),
        );
        for (from, to) in [
            (4.0, scene.width * 0.31),
            (scene.width * 0.69, scene.width - 4.0),
        ] {
            let mut x = from;
            while x < to - 6.0 {
                let width = dice.range(9.0, 19.0).min(to - x);
                let height = dice.range(48.0, 70.0);
                let tone = dice.pick(&inks);
                let y = top + shelf - 8.0 - height;
                if dice.chance(0.1) {
                    x += width;
                    continue;
                }
                canvas.fill(&Shape::rect(x, y, width - 1.6, height), tone);
                if dice.chance(0.6) {
                    let mark = tone.lighter(0.13);
                    canvas.fill(&Shape::rect(x, y + 9.0, width - 1.6, 3.0), mark);
                    canvas.fill(&Shape::rect(x, y + height - 14.0, width - 1.6, 3.0), mark);
                }
                x += width;
            }
        }
        canvas.fill(
            &Shape::rect(0.0, top + shelf - 8.0, scene.width, 8.0),
            wood.lighter(0.07),
        );
        top += shelf;
    }
    canvas.grain(
        &Shape::rect(0.0, 0.0, scene.width, scene.height),
        p.near,
        fade((0.0, scene.height), (0.0, scene.height * 0.3), 0.6),
    );
    let arch = Shape::arch(
        scene.x,
        scene.width * 0.375,
        scene.y - 176.0,
        scene.height + 10.0,
    );
    canvas.fill(&arch, p.near);
    let light = Shape::arch(
        scene.x,
        scene.width * 0.35,
        scene.y - 166.0,
        scene.height + 10.0,
    );
    canvas.fill(&light, p.disc);
    canvas.within(&light, |canvas| {
        canvas.grain(
            &light,
            p.disc.mix(p.sky, 0.5),
            fade((0.0, scene.height * 0.9), (0.0, scene.y - 60.0), 0.9),
        );
        let bar = p.disc.mix(p.near, 0.28);
        for x in [-0.175, 0.0, 0.175] {
            canvas.trace(
                &Shape::line(&[
                    (scene.x + x * scene.width, scene.y - 180.0),
                    (scene.x + x * scene.width, scene.height),
                ]),
                3.0,
                bar,
                1.0,
            );
        }
        for y in [-70.0, 40.0, 150.0] {
            canvas.trace(
                &Shape::line(&[(0.0, scene.y + y), (scene.width, scene.y + y)]),
                3.0,
                bar,
                1.0,
            );
        }
    });
    canvas.stroke(&light, 3.0, p.trim);
}

/// Towers on a hill before the moon, with bats.
pub(super) fn castle(canvas: &mut Canvas, look: &Look, scene: &Scene) {
    let p = &look.palette;
    scene.stars(canvas, look, 30, scene.height * 0.5);
    scene.disc(canvas, look, 142.0);
    let mut dice = look.dice("castle");
    let (w, h) = (scene.width, scene.height);
    canvas.fill(
        &Shape::closed(&[
            c(-5.0, h * 0.66),
            s(w * 0.25, h * 0.60),
            s(w * 0.6, h * 0.66),
            c(w + 5.0, h * 0.58),
            c(w + 5.0, h + 5.0),
            c(-5.0, h + 5.0),
        ]),
        p.far,
    );
    for (x, width, top) in [
        (8.0, 40.0, 0.30),
        (58.0, 28.0, 0.44),
        (w - 50.0, 44.0, 0.26),
        (w - 92.0, 30.0, 0.46),
        (w - 8.0, 34.0, 0.40),
        (-16.0, 26.0, 0.42),
    ] {
        let top = h * (top + dice.range(-0.04, 0.03));
        let tone = p.near.mix(p.far, 0.22);
        let roof = Shape::polygon(&[
            (x - 6.0, top + 2.0),
            (x + width / 2.0, top - width * 1.7),
            (x + width + 6.0, top + 2.0),
        ]);
        let wall = Shape::rect(x, top, width, h);
        canvas.fill(&wall, tone);
        canvas.grain(
            &wall,
            tone.mix(p.far, 0.6),
            fade((0.0, h * 0.85), (0.0, top), 0.7),
        );
        canvas.fill(&roof, p.near);
        canvas.stroke(
            &Shape::line(&[
                (x + width / 2.0, top - width * 1.7),
                (x + width / 2.0, top - width * 1.7 - 14.0),
            ]),
            2.0,
            p.near,
        );
        for i in 0..3 {
            if dice.chance(0.75) {
                let y = top + 20.0 + 44.0 * f64::from(i);
                canvas.fill(&Shape::arch(x + width / 2.0, 4.6, y, y + 19.0), p.light);
            }
        }
    }
    for _ in 0..4 {
        let (x, y) = (
            scene.x + dice.side() * dice.range(70.0, 150.0),
            dice.range(30.0, h * 0.22),
        );
        let k = dice.range(0.7, 1.2);
        canvas.placed((x, y), (k, k), dice.range(-14.0, 14.0), |canvas| {
            canvas.fill(
                &Shape::closed(&[
                    c(0.0, -2.0),
                    c(3.0, -7.0),
                    c(4.0, -2.0),
                    s(12.0, -8.0),
                    c(24.0, -3.0),
                    s(17.0, -1.0),
                    c(14.0, 5.0),
                    s(9.0, 1.0),
                    c(0.0, 7.0),
                    s(-9.0, 1.0),
                    c(-14.0, 5.0),
                    s(-17.0, -1.0),
                    c(-24.0, -3.0),
                    s(-12.0, -8.0),
                    c(-4.0, -2.0),
                    c(-3.0, -7.0),
                ]),
                p.near,
            );
        });
    }
}

/// Strings of paper lanterns over roofs.
pub(super) fn lanterns(canvas: &mut Canvas, look: &Look, scene: &Scene) {
    let p = &look.palette;
    let (w, h) = (scene.width, scene.height);
    scene.stars(canvas, look, 20, h * 0.4);
    scene.disc(canvas, look, 138.0);
    for (layer, tone) in [p.far, p.near].into_iter().enumerate() {
        let base = h * (0.62 + 0.12 * layer as f64);
        for x in [-60.0, 60.0, 180.0, 300.0] {
            let x = x + 46.0 * layer as f64;
            let roof = Shape::closed(&[
                c(x - 14.0, base + 4.0),
                s(x + 24.0, base - 16.0),
                c(x + 62.0, base - 58.0),
                s(x + 100.0, base - 16.0),
                c(x + 138.0, base + 4.0),
                c(x + 118.0, base + 10.0),
                c(x + 118.0, h),
                c(x + 6.0, h),
                c(x + 6.0, base + 10.0),
            ]);
            canvas.fill(&roof, tone);
            for wx in [x + 34.0, x + 74.0] {
                canvas.wash(&Shape::rect(wx, base + 26.0, 18.0, 26.0), p.light, 0.75);
            }
        }
    }
    let mut dice = look.dice("lanterns");
    for (from, to, sag) in [
        ((-10.0, h * 0.03), (w * 0.62, -12.0), 74.0),
        ((w * 0.36, -12.0), (w + 10.0, h * 0.05), 66.0),
        ((-10.0, h * 0.34), (w * 0.17, h * 0.22), 26.0),
        ((w * 0.83, h * 0.24), (w + 10.0, h * 0.36), 26.0),
    ] {
        let at = |t: f64| {
            (
                from.0 + (to.0 - from.0) * t,
                from.1 + (to.1 - from.1) * t + sag * 4.0 * t * (1.0 - t),
            )
        };
        let rope: Vec<_> = (0..=8)
            .map(|i| at(f64::from(i) / 8.0))
            .map(|(x, y)| s(x, y))
            .collect();
        canvas.trace(&Shape::open(&rope), 1.8, p.near, 1.0);
        let count = if sag > 40.0 { 4 } else { 1 };
        for i in 0..count {
            let (x, y) = at((f64::from(i) + 0.5) / f64::from(count));
            let warm = dice.pick(&[p.light, p.trim.turned(-24.0), p.cloth.base.at(0.68)]);
            let r = dice.range(15.0, 21.0);
            canvas.wash(&Shape::circle(x, y + r, r * 1.9), p.light, 0.13);
            let body = Shape::ellipse(x, y + r, r, r * 0.9);
            canvas.fill(&body, warm);
            canvas.grain(
                &body,
                warm.darker(0.14).vivid(1.2),
                fade((x, y + r * 2.0), (x, y + r * 0.5), 0.9),
            );
            for k in [-0.45, 0.45] {
                canvas.trace(
                    &Shape::open(&[
                        s(x + k * r, y + r * 0.2),
                        s(x + k * r * 1.3, y + r),
                        s(x + k * r, y + r * 1.8),
                    ]),
                    1.3,
                    warm.darker(0.14),
                    1.0,
                );
            }
            canvas.fill(&Shape::rect(x - r * 0.4, y, r * 0.8, 4.0), p.near);
            canvas.fill(
                &Shape::rect(x - r * 0.4, y + r * 1.82, r * 0.8, 4.0),
                p.near,
            );
        }
    }
}

/// Great gears.
pub(super) fn workshop(canvas: &mut Canvas, look: &Look, scene: &Scene) {
    let p = &look.palette;
    let mut dice = look.dice("gears");
    let gear = |canvas: &mut Canvas, x: f64, y: f64, r: f64, teeth: usize, tone, hole| {
        canvas.fill(&rays(x, y, r * 0.7, r * 1.13, teeth, 0.48), tone);
        canvas.fill(&Shape::circle(x, y, r), tone);
        canvas.trace(&Shape::circle(x, y, r * 0.78), r * 0.05, hole, 1.0);
        for i in 0..6 {
            let (sin, cos) = (f64::from(i) * 60.0_f64).to_radians().sin_cos();
            canvas.fill(
                &Shape::circle(x + r * 0.5 * sin, y - r * 0.5 * cos, r * 0.16),
                hole,
            );
        }
        canvas.fill(&Shape::circle(x, y, r * 0.16), hole);
    };
    for _ in 0..5 {
        let (x, y) = (
            dice.range(-20.0, scene.width + 20.0),
            dice.range(0.0, scene.height * 0.9),
        );
        gear(
            canvas,
            x,
            y,
            dice.range(50.0, 90.0),
            14,
            p.sky.mix(p.far, 0.7),
            p.sky,
        );
    }
    gear(canvas, -6.0, scene.height * 0.62, 92.0, 16, p.mid, p.far);
    gear(
        canvas,
        scene.width + 4.0,
        scene.height * 0.70,
        108.0,
        18,
        p.near,
        p.mid,
    );
    gear(
        canvas,
        scene.width - 24.0,
        scene.height * 0.10,
        62.0,
        12,
        p.mid,
        p.far,
    );
    gear(canvas, 20.0, scene.height * 0.14, 46.0, 10, p.near, p.mid);
    let (x, y) = (scene.x, scene.y - 6.0);
    canvas.fill(&rays(x, y, 130.0, 170.0, 20, 0.5), p.trim.mix(p.disc, 0.4));
    canvas.fill(&Shape::circle(x, y, 158.0), p.trim.mix(p.disc, 0.4));
    let disc = Shape::circle(x, y, 144.0);
    canvas.fill(&disc, p.disc);
    canvas.grain(
        &disc,
        p.disc.mix(p.sky, 0.4),
        fade((x, y + 144.0), (x, y - 60.0), 0.85),
    );
    canvas.fill(&rays(x, y, 126.0, 136.0, 12, 0.12), p.disc.mix(p.near, 0.4));
}
