//! What shows that somebody is no ordinary human: ears, horns, wings, seams, light.

use super::canvas::{Canvas, fade};
use super::colour::Colour;
use super::hair;
use super::look::Look;
use super::shape::{Knot, Shape, c, s, sided};
use super::traits::{Extra, Species};

/// Wings and halos, behind everything.
pub(super) fn behind(canvas: &mut Canvas, look: &Look) {
    let p = &look.palette;
    match look.species {
        Species::Angel => {
            let white = p.paper.darker(0.02);
            for side in [-1.0, 1.0] {
                for (i, (reach, drop)) in [
                    (196.0, -10.0),
                    (186.0, 50.0),
                    (170.0, 106.0),
                    (150.0, 156.0),
                ]
                .into_iter()
                .enumerate()
                {
                    let feather = [
                        c(40.0, 200.0),
                        s(104.0, 70.0 + drop * 0.6),
                        s(reach - 10.0, drop - 70.0),
                        c(reach + 14.0, drop - 60.0),
                        s(reach, drop + 60.0),
                        s(120.0, 190.0 + drop * 0.5),
                    ];
                    let shape = Shape::closed(&sided(&feather, side));
                    let tone = white.darker(0.035 * i as f64);
                    canvas.fill(&shape, tone);
                    canvas.grain(
                        &shape,
                        p.sky.mix(white, 0.45).at(0.76),
                        fade((side * 80.0, 220.0), (side * reach, drop - 40.0), 0.8),
                    );
                }
            }
            canvas.trace(
                &Shape::ellipse(0.0, -150.0, 70.0, 17.0),
                7.0,
                p.trim.lighter(0.04),
                1.0,
            );
        }
        Species::Fairy => {
            for side in [-1.0, 1.0] {
                let upper = [
                    c(30.0, 180.0),
                    s(84.0, 40.0),
                    s(150.0, -70.0),
                    s(192.0, -60.0),
                    s(186.0, 40.0),
                    s(120.0, 150.0),
                ];
                let lower = [
                    c(30.0, 200.0),
                    s(130.0, 170.0),
                    s(186.0, 210.0),
                    s(160.0, 280.0),
                    s(90.0, 270.0),
                ];
                for wing in [&upper[..], &lower[..]] {
                    let shape = Shape::closed(&sided(wing, side));
                    canvas.wash(&shape, p.trim.lighter(0.08), 0.62);
                    canvas.grain(
                        &shape,
                        p.lip.lighter(0.2),
                        fade((side * 190.0, 0.0), (side * 60.0, 150.0), 0.6),
                    );
                    canvas.trace(&shape, 3.0, p.paper, 1.0);
                }
                for (x, y) in [(176.0, -40.0), (170.0, 30.0), (126.0, 60.0)] {
                    canvas.trace(
                        &Shape::open(&[
                            s(side * 40.0, 170.0),
                            s(side * x * 0.66, (y + 150.0) * 0.5),
                            s(side * x, y),
                        ]),
                        1.8,
                        p.paper,
                        0.9,
                    );
                }
            }
        }
        Species::Demon if look.dice("wings").chance(0.5) => {
            let membrane = p.near.lighter(0.04);
            for side in [-1.0, 1.0] {
                let wing = [
                    c(60.0, 190.0),
                    s(110.0, 40.0),
                    c(170.0, -60.0),
                    s(188.0, 10.0),
                    c(206.0, 70.0),
                    s(174.0, 100.0),
                    c(180.0, 160.0),
                    s(150.0, 170.0),
                    c(140.0, 230.0),
                ];
                let shape = Shape::closed(&sided(&wing, side));
                canvas.fill(&shape, membrane);
                canvas.grain(
                    &shape,
                    p.cloth.base,
                    fade((side * 190.0, 180.0), (side * 100.0, 0.0), 0.5),
                );
                for (x, y) in [(206.0, 70.0), (180.0, 160.0)] {
                    canvas.trace(
                        &Shape::open(&[
                            s(side * 168.0, -54.0),
                            s(side * (x * 0.5 + 76.0), y * 0.5),
                            s(side * x, y),
                        ]),
                        2.4,
                        p.ink,
                        1.0,
                    );
                }
            }
        }
        _ => {}
    }
}

/// Ears, between the back hair and the face.
pub(super) fn ears(canvas: &mut Canvas, look: &Look) {
    let (h, skin) = (&look.head, look.palette.skin);
    let animal = matches!(
        look.species,
        Species::Cat | Species::Fox | Species::Wolf | Species::Rabbit
    );
    let pointed = matches!(
        look.species,
        Species::Elf | Species::Fairy | Species::Vampire | Species::Demon | Species::Orc
    );
    let fins = look.species == Species::Merfolk;
    let hidden = look.has(Extra::Hood) || !hair::shows_ears(look.cut);
    if animal || hidden && !pointed && !fins {
        return;
    }
    let w = h.cheek;
    let reach = match look.species {
        Species::Elf => 46.0,
        Species::Fairy => 34.0,
        Species::Orc => 36.0,
        Species::Demon => 24.0,
        _ => 8.0,
    };
    for side in [-1.0, 1.0] {
        // The far ear hides behind the turned head, the near one comes forward.
        let shift = -h.turn * 0.35;
        if side > 0.0 && h.turn > 10.0 && !pointed {
            continue;
        }
        let (outer, inner): (Vec<Knot>, Vec<Knot>) = if pointed {
            (
                vec![
                    c(w - 8.0, -18.0),
                    s(w + 6.0, -22.0),
                    c(w + 12.0 + reach, -34.0 - reach * 0.62),
                    s(w + 10.0 + reach * 0.35, 2.0),
                    s(w + 6.0, 22.0),
                    c(w - 8.0, 27.0),
                ],
                vec![
                    c(w - 4.0, -6.0),
                    s(w + 7.0, -14.0),
                    c(w + 6.0 + reach * 0.8, -28.0 - reach * 0.45),
                    s(w + 6.0, 4.0),
                    c(w - 2.0, 12.0),
                ],
            )
        } else if fins {
            (
                vec![
                    c(w - 8.0, -18.0),
                    s(w + 20.0, -30.0),
                    c(w + 40.0, -38.0),
                    s(w + 30.0, -14.0),
                    c(w + 40.0, -4.0),
                    s(w + 24.0, 8.0),
                    c(w + 28.0, 24.0),
                    c(w - 8.0, 27.0),
                ],
                vec![
                    c(w - 4.0, -8.0),
                    c(w + 28.0, -26.0),
                    c(w + 4.0, 0.0),
                    c(w + 26.0, -2.0),
                    c(w - 4.0, 10.0),
                ],
            )
        } else {
            (
                vec![
                    c(w - 8.0, -18.0),
                    s(w + 6.0, -20.0),
                    s(w + 12.0, -6.0),
                    s(w + 7.0, 16.0),
                    s(w, 26.0),
                    c(w - 8.0, 24.0),
                ],
                vec![
                    s(w + 1.0, -10.0),
                    s(w + 7.0, -8.0),
                    s(w + 5.0, 8.0),
                    s(w, 14.0),
                ],
            )
        };
        let place = |knots: Vec<Knot>| -> Shape {
            Shape::closed(
                &knots
                    .iter()
                    .map(|knot| Knot {
                        x: knot.x * side + shift,
                        ..*knot
                    })
                    .collect::<Vec<_>>(),
            )
        };
        canvas.fill(
            &place(outer),
            if side > 0.0 { skin.shade } else { skin.base },
        );
        canvas.fill(
            &place(inner),
            if side > 0.0 {
                skin.shade.darker(0.06)
            } else {
                skin.shade
            },
        );
    }
}

/// Horns, animal ears, antennae: in front of the hair.
pub(super) fn crown(canvas: &mut Canvas, look: &Look) {
    let p = &look.palette;
    let hair = p.hair;
    let ink: Colour = p.blush;
    match look.species {
        Species::Cat | Species::Fox | Species::Wolf => {
            let (tip, spread, width) = match look.species {
                Species::Fox => (-188.0, 62.0, 1.05),
                Species::Wolf => (-172.0, 56.0, 0.92),
                _ => (-168.0, 66.0, 1.0),
            };
            for side in [-1.0, 1.0] {
                let lean = -look.head.turn * 0.3;
                let x = |v: f64| side * v * width + lean;
                let outer = Shape::closed(&[
                    c(x(12.0), -112.0),
                    s(x(30.0), -142.0),
                    c(x(spread), tip),
                    s(x(80.0), -122.0),
                    c(x(76.0), -66.0),
                    s(x(44.0), -84.0),
                ]);
                canvas.fill(&outer, hair.base);
                canvas.grain(
                    &outer,
                    hair.shade,
                    fade((x(80.0), -70.0), (x(40.0), -160.0), 0.9),
                );
                let inner = Shape::closed(&[
                    c(x(28.0), -112.0),
                    s(x(42.0), -140.0),
                    c(x(spread - 2.0), tip + 22.0),
                    s(x(70.0), -112.0),
                    c(x(66.0), -82.0),
                    s(x(46.0), -92.0),
                ]);
                canvas.fill(&inner, ink.mix(p.skin.base, 0.35));
                if look.species == Species::Fox {
                    let tuft = Shape::closed(&[
                        c(x(spread - 12.0), tip + 34.0),
                        c(x(spread), tip),
                        c(x(spread + 9.0), tip + 36.0),
                    ]);
                    canvas.fill(&tuft, p.ink);
                }
                for i in 0..3 {
                    let t = f64::from(i) * 9.0;
                    let hairs = Shape::taper(
                        &[
                            s(x(26.0 + t), -96.0 + t * 0.5),
                            s(x(38.0 + t * 0.8), -122.0 + t),
                        ],
                        6.0,
                        1.0,
                    );
                    canvas.fill(&hairs, hair.shine);
                }
            }
        }
        Species::Rabbit => {
            for side in [-1.0, 1.0] {
                let x = |v: f64| side * v;
                let ear = Shape::closed(&[
                    c(x(10.0), -104.0),
                    s(x(14.0), -160.0),
                    s(x(34.0), -214.0),
                    s(x(60.0), -204.0),
                    s(x(60.0), -150.0),
                    c(x(52.0), -92.0),
                ]);
                canvas.fill(&ear, hair.base);
                canvas.grain(
                    &ear,
                    hair.shade,
                    fade((x(60.0), -90.0), (x(20.0), -180.0), 0.9),
                );
                let inner = Shape::closed(&[
                    c(x(24.0), -112.0),
                    s(x(28.0), -160.0),
                    s(x(42.0), -196.0),
                    s(x(50.0), -160.0),
                    c(x(44.0), -104.0),
                ]);
                canvas.fill(&inner, ink.mix(p.skin.base, 0.35));
            }
        }
        Species::Demon | Species::Dragon => {
            let horn = p
                .paper
                .mix(p.ink, 0.45)
                .apart(hair.base, 0.2)
                .apart(p.disc, 0.15);
            let curled = look.dice("horns").chance(0.45);
            for side in [-1.0, 1.0] {
                let x = |v: f64| side * v;
                let line = if curled {
                    vec![
                        s(x(40.0), -96.0),
                        s(x(74.0), -122.0),
                        s(x(104.0), -92.0),
                        s(x(104.0), -46.0),
                        s(x(82.0), -30.0),
                    ]
                } else {
                    vec![
                        s(x(38.0), -92.0),
                        s(x(60.0), -124.0),
                        s(x(70.0), -156.0),
                        s(x(58.0), -192.0),
                    ]
                };
                let shape = Shape::taper(&line, 25.0, 2.0);
                canvas.fill(&shape, horn);
                canvas.grain(
                    &shape,
                    horn.darker(0.16),
                    fade((x(30.0), -80.0), (x(90.0), -150.0), 1.0),
                );
                canvas.within(&shape, |canvas| {
                    for pair in line.windows(2) {
                        for t in [0.25, 0.7] {
                            let (mx, my) = (
                                pair[0].x + (pair[1].x - pair[0].x) * t,
                                pair[0].y + (pair[1].y - pair[0].y) * t,
                            );
                            let (dx, dy) = (pair[1].x - pair[0].x, pair[1].y - pair[0].y);
                            let length = dx.hypot(dy).max(1.0);
                            let (nx, ny) = (-dy / length * 14.0, dx / length * 14.0);
                            canvas.trace(
                                &Shape::line(&[(mx - nx, my - ny), (mx + nx, my + ny)]),
                                2.0,
                                horn.darker(0.14),
                                1.0,
                            );
                        }
                    }
                });
            }
        }
        Species::Android if look.dice("antennae").chance(0.4) => {
            let glow = p.iris.at(0.84);
            for side in [-1.0, 1.0] {
                let x = side * (look.head.cheek + 3.0);
                canvas.trace(
                    &Shape::line(&[(x, -20.0), (x + side * 8.0, -126.0)]),
                    4.0,
                    p.trim,
                    1.0,
                );
                canvas.fill(&Shape::circle(x + side * 8.0, -130.0, 6.5), glow);
            }
        }
        _ => {}
    }
}

/// Marks on the skin: seams, whiskers, scales, runes.
pub(super) fn marks(canvas: &mut Canvas, look: &Look) {
    let (h, p) = (&look.head, &look.palette);
    let face = Shape::closed(&super::face::outline(look));
    match look.species {
        Species::Android => {
            let seam = p.skin.shade.darker(0.16);
            let glow = p.iris.at(p.iris.l.max(0.78));
            let kind = look.dice("seams").below(3);
            canvas.within(&face, |canvas| {
                let lines: [&[Knot]; 3] = [
                    &[
                        c(-70.0, 20.0),
                        c(-40.0, 22.0),
                        c(-26.0, 44.0),
                        c(-30.0, 84.0),
                        c(-20.0, 110.0),
                    ],
                    &[
                        c(-14.0, -110.0),
                        c(-14.0, -58.0),
                        c(-28.0, -42.0),
                        c(-70.0, -40.0),
                    ],
                    &[c(70.0, 26.0), c(46.0, 30.0), c(30.0, 50.0), c(30.0, 110.0)],
                ];
                match kind {
                    0 => canvas.trace(&h.line(lines[0]), 2.3, seam, 1.0),
                    1 => {
                        canvas.trace(&h.line(lines[1]), 2.3, seam, 1.0);
                        canvas.trace(&h.line(lines[0]), 2.3, seam, 1.0);
                    }
                    _ => {
                        canvas.trace(&h.line(lines[0]), 2.3, seam, 1.0);
                        canvas.trace(&h.line(lines[2]), 2.3, seam, 1.0);
                    }
                }
                for (x, y) in [(-46.0, 30.0), (-52.0, 38.0), (-58.0, 46.0)] {
                    let x = h.across(x);
                    canvas.fill(&Shape::rect(x - 5.0, y, 10.0, 2.6), glow);
                }
                canvas.fill(&Shape::circle(h.across(0.0), -50.0, 4.2), glow);
                canvas.trace(&Shape::circle(h.across(0.0), -50.0, 7.4), 1.6, seam, 1.0);
            });
            canvas.fill(
                &Shape::circle(-h.cheek - 1.0 - h.turn * 0.2, -4.0, 11.0),
                p.trim,
            );
            canvas.fill(
                &Shape::circle(-h.cheek - 1.0 - h.turn * 0.2, -4.0, 5.5),
                glow,
            );
            if h.turn < 10.0 {
                canvas.fill(
                    &Shape::circle(h.cheek + 1.0, -4.0, 11.0),
                    p.trim.darker(0.06),
                );
                canvas.fill(&Shape::circle(h.cheek + 1.0, -4.0, 5.5), glow);
            }
            let n = h.neck;
            for y in [112.0, 124.0] {
                canvas.trace(
                    &Shape::open(&[s(-n + 1.0, y - 4.0), s(0.0, y + 5.0), s(n - 1.0, y - 4.0)]),
                    1.8,
                    seam,
                    0.9,
                );
            }
        }
        Species::Cat | Species::Fox => {
            let line = p.skin.shade.darker(0.12);
            for side in [-1.0, 1.0] {
                for (dy, tilt) in [(0.0, -4.0), (8.0, 3.0)] {
                    let whisker = [
                        s(side * 40.0, 40.0 + dy),
                        s(side * 62.0, 38.0 + dy + tilt * 0.4),
                        s(side * 88.0, 38.0 + dy + tilt * 1.6),
                    ];
                    canvas.trace(&h.line(&whisker), 1.5, p.paper.mix(line, 0.15), 0.95);
                }
            }
            canvas.within(&face, |canvas| {
                let x = h.across(0.0);
                canvas.fill(
                    &Shape::closed(&[
                        c(x - 7.0 + h.turn * 0.1, 38.0),
                        s(x, 36.5),
                        c(x + 7.0, 38.0),
                        s(x + 3.0, 43.0),
                        c(x, 45.5),
                        s(x - 3.0, 43.0),
                    ]),
                    p.blush.darker(0.06),
                );
                if look.dice("stripes").chance(0.6) {
                    for side in [-1.0, 1.0] {
                        for y in [18.0, 32.0, 46.0] {
                            canvas.fill(
                                &Shape::taper(
                                    &h.turned(&[
                                        s(side * 68.0, y),
                                        s(side * 56.0, y + 1.0),
                                        s(side * 44.0, y - 1.0),
                                    ]),
                                    7.0,
                                    1.0,
                                ),
                                p.hair.base.mix(p.skin.base, 0.35),
                            );
                        }
                    }
                }
            });
        }
        Species::Dragon | Species::Merfolk => {
            let scale = p.skin.shade.darker(0.02);
            canvas.within(&face, |canvas| {
                for side in [-1.0, 1.0] {
                    for (row, count) in [(0_i32, 4_i32), (1, 3), (2, 3), (3, 2)] {
                        for i in 0..count {
                            let x = side
                                * (60.0
                                    - 8.5 * f64::from(i)
                                    - if row % 2 == 0 { 0.0 } else { 4.0 });
                            let y = 12.0 + 8.5 * f64::from(row);
                            canvas.trace(
                                &Shape::open(&[
                                    s(h.across(x) - 4.5, y),
                                    s(h.across(x), y + 5.5),
                                    s(h.across(x) + 4.5, y),
                                ]),
                                1.8,
                                scale,
                                1.0,
                            );
                        }
                    }
                }
            });
        }
        Species::Elf | Species::Fairy if look.dice("marks").chance(0.4) => {
            let x = h.across(0.0);
            canvas.fill(
                &Shape::polygon(&[(x, -62.0), (x + 4.0, -52.0), (x, -42.0), (x - 4.0, -52.0)]),
                p.trim,
            );
            for side in [-1.0, 1.0] {
                canvas.fill(&Shape::circle(h.across(side * 30.0), 17.0, 2.2), p.trim);
                canvas.fill(&Shape::circle(h.across(side * 37.0), 15.0, 1.7), p.trim);
            }
        }
        Species::Hologram => {
            let glow = p.paper.mix(p.iris, 0.25);
            canvas.within(&face, |canvas| {
                for side in [-1.0, 1.0] {
                    let line = [
                        c(side * 60.0, 10.0),
                        c(side * 40.0, 28.0),
                        c(side * 40.0, 52.0),
                    ];
                    canvas.trace(&h.line(&line), 2.0, glow, 1.0);
                    canvas.fill(&Shape::circle(h.across(side * 40.0), 54.0, 3.6), glow);
                }
            });
            let x = h.across(0.0);
            canvas.fill(
                &Shape::polygon(&[(x, -66.0), (x + 7.0, -54.0), (x, -42.0), (x - 7.0, -54.0)]),
                glow,
            );
        }
        _ => {}
    }
}

/// What lies over a figure made of light: lines of a screen, and sparks that leave it.
pub(super) fn shimmer(canvas: &mut Canvas, look: &Look) {
    if look.species != Species::Hologram {
        return;
    }
    let p = &look.palette;
    let glow = p.skin.base.lighter(0.06);
    let mut y = -150.0;
    while y < 380.0 {
        canvas.wash(&Shape::rect(-170.0, y, 340.0, 1.6), p.sky, 0.30);
        y += 7.0;
    }
    let mut dice = look.dice("sparks");
    for _ in 0..34 {
        let side = dice.side();
        let size = dice.range(2.5, 8.0);
        let (x, y) = (side * dice.range(78.0, 168.0), dice.range(-120.0, 250.0));
        canvas.wash(&Shape::rect(x, y, size, size), glow, dice.range(0.5, 1.0));
    }
}
