//! Clothes: shoulders as one clear shape, then the few lines that say what is worn.

mod suits;

use suits::{armour, bodysuit, suit};

use super::canvas::{Canvas, fade};
use super::colour::{Colour, lch};
use super::look::Look;
use super::shape::{Knot, Shape, c, mirror, s, sided};
use super::traits::{Extra, Garment};

/// The lowest line that is drawn: below every sheet.
const FLOOR: f64 = 420.0;

/// The bust from the neck down.
fn torso(look: &Look, foot: f64) -> Vec<Knot> {
    let h = &look.head;
    let (n, sh) = (h.neck, h.shoulder);
    mirror(&[
        c(0.0, foot + 26.0),
        c(n + 5.0, foot),
        s(n + 28.0, foot + 22.0),
        s(sh * 0.74, 169.0),
        s(sh + 3.0, 200.0),
        s(sh + 27.0, 268.0),
        c(sh + 44.0, FLOOR),
        c(0.0, FLOOR),
    ])
}

fn print(canvas: &mut Canvas, shape: &Shape, base: Colour, shade: Colour) {
    canvas.fill(shape, base);
    canvas.grain(shape, shade, fade((140.0, 330.0), (-60.0, 190.0), 0.8));
}

fn pair(canvas: &mut Canvas, half: &[Knot], draw: impl Fn(&mut Canvas, &Shape, f64)) {
    for side in [-1.0, 1.0] {
        draw(canvas, &Shape::closed(&sided(half, side)), side);
    }
}

/// What stands behind the head: collars, hoods.
pub(super) fn back(canvas: &mut Canvas, look: &Look) {
    let p = &look.palette;
    if look.has(Extra::Hood) {
        let hood = mirror(&[
            s(0.0, -152.0),
            s(70.0, -128.0),
            s(104.0, -50.0),
            s(108.0, 50.0),
            s(122.0, 150.0),
            c(140.0, 230.0),
            c(0.0, 230.0),
        ]);
        let shape = Shape::closed(&hood);
        canvas.fill(&shape, p.cloth.base);
        canvas.grain(
            &shape,
            p.cloth.shade,
            fade((110.0, 120.0), (-60.0, -100.0), 0.9),
        );
        let inside = mirror(&[
            s(0.0, -134.0),
            s(58.0, -112.0),
            s(86.0, -46.0),
            s(88.0, 50.0),
            c(76.0, 170.0),
            c(0.0, 190.0),
        ]);
        canvas.fill(&Shape::closed(&inside), p.cloth.shade.darker(0.10));
    }
    if look.garment == Garment::HighCollar {
        let collar = [
            c(20.0, 190.0),
            s(46.0, 132.0),
            s(88.0, 74.0),
            c(128.0, 6.0),
            s(124.0, 90.0),
            s(132.0, 150.0),
            c(look.head.shoulder + 4.0, 214.0),
        ];
        pair(canvas, &collar, |canvas, shape, _| {
            canvas.fill(shape, p.cloth.shade.darker(0.06));
        });
        let lining = [
            c(10.0, 200.0),
            s(38.0, 132.0),
            s(78.0, 76.0),
            c(116.0, 22.0),
            s(108.0, 96.0),
            c(96.0, 200.0),
        ];
        let red = lch(0.46, 0.17, 22.0)
            .apart(p.disc, 0.2)
            .apart(p.cloth.base, 0.12);
        pair(canvas, &lining, |canvas, shape, side| {
            canvas.fill(shape, red);
            canvas.grain(
                shape,
                red.darker(0.14),
                fade((side * 20.0, 190.0), (side * 100.0, 40.0), 0.9),
            );
        });
    }
    if look.garment == Garment::Robe && !look.has(Extra::Hood) {
        let fold = mirror(&[
            s(0.0, 78.0),
            s(50.0, 84.0),
            s(78.0, 118.0),
            c(84.0, 180.0),
            c(0.0, 200.0),
        ]);
        canvas.fill(&Shape::closed(&fold), p.cloth.shade.darker(0.05));
    }
}

/// The clothes on the shoulders, after the neck.
pub(super) fn draw(canvas: &mut Canvas, look: &Look) {
    let p = &look.palette;
    let n = look.head.neck;
    let cloth = p.cloth;
    match look.garment {
        Garment::Turtleneck => {
            let body = Shape::closed(&torso(look, 140.0));
            print(canvas, &body, cloth.base, cloth.shade);
            canvas.within(&body, |canvas| folds(canvas, look));
            let collar = mirror(&[
                s(0.0, 112.0),
                c(n + 5.0, 102.0),
                s(n + 9.0, 130.0),
                c(n + 15.0, 154.0),
                s(0.0, 170.0),
            ]);
            let shape = Shape::closed(&collar);
            canvas.fill(&shape, cloth.base.lighter(0.035));
            canvas.within(&shape, |canvas| {
                canvas.grain(
                    &shape,
                    cloth.shade,
                    fade((n + 10.0, 130.0), (-n * 0.4, 130.0), 0.9),
                );
                for i in 0..9 {
                    let x = -48.0 + 12.0 * f64::from(i);
                    canvas.trace(
                        &Shape::open(&[s(x * 0.82, 100.0), s(x, 170.0)]),
                        1.6,
                        cloth.shade,
                        1.0,
                    );
                }
            });
            canvas.trace(
                &Shape::open(&[s(-n - 14.0, 155.0), s(0.0, 171.0), s(n + 14.0, 155.0)]),
                2.6,
                cloth.shade.darker(0.04),
                1.0,
            );
        }
        Garment::Suit => suit(canvas, look, cloth.base, cloth.shade),
        Garment::LabCoat => suit(
            canvas,
            look,
            lch(0.93, 0.012, 230.0),
            lch(0.80, 0.025, 240.0),
        ),
        Garment::HighCollar => {
            let body = Shape::closed(&torso(look, 136.0));
            print(canvas, &body, cloth.base, cloth.shade);
            let shirt = mirror(&[
                s(0.0, 138.0),
                c(n + 1.0, 122.0),
                s(n + 6.0, 150.0),
                s(40.0, 190.0),
                c(36.0, FLOOR),
                c(0.0, FLOOR),
            ]);
            canvas.fill(&Shape::closed(&shirt), p.paper);
            // A cravat: three falls of white linen under a jewel.
            for (y, w) in [(184.0, 28.0), (218.0, 34.0), (254.0, 38.0)] {
                let fall = mirror(&[
                    c(0.0, y - 30.0),
                    c(9.0, y - 26.0),
                    s(w, y + 10.0),
                    s(w * 0.5, y + 22.0),
                    s(w * 0.28, y + 14.0),
                    s(0.0, y + 24.0),
                ]);
                let fall = Shape::closed(&fall);
                canvas.fill(&fall, p.paper.darker(0.02));
                canvas.grain(
                    &fall,
                    p.sky.mix(p.paper, 0.5).at(0.80),
                    fade((w, y + 24.0), (-w * 0.4, y - 20.0), 0.9),
                );
                canvas.trace(
                    &Shape::open(&[s(0.0, y - 10.0), s(2.0, y + 20.0)]),
                    1.5,
                    p.paper.darker(0.14),
                    1.0,
                );
            }
            let edge = [
                c(n + 8.0, 128.0),
                s(52.0, 190.0),
                c(60.0, FLOOR),
                c(190.0, FLOOR),
                c(look.head.shoulder + 4.0, 200.0),
                s(80.0, 170.0),
            ];
            pair(canvas, &edge, |canvas, shape, side| {
                print(canvas, shape, cloth.base, cloth.shade);
                let line = [
                    s(side * (n + 8.0), 128.0),
                    s(side * 52.0, 190.0),
                    s(side * 60.0, FLOOR),
                ];
                canvas.trace(&Shape::open(&line), 3.0, p.trim, 1.0);
            });
            jewel(canvas, look, 158.0, 11.0);
        }
        Garment::Robe => {
            let body = Shape::closed(&torso(look, 138.0));
            print(canvas, &body, cloth.base, cloth.shade);
            canvas.fill(
                &Shape::polygon(&[(-30.0, 130.0), (30.0, 130.0), (0.0, 268.0)]),
                p.lining,
            );
            let fold = [
                c(n - 4.0, 108.0),
                s(n + 24.0, 128.0),
                s(74.0, 170.0),
                s(56.0, 230.0),
                c(0.0, 296.0),
                s(22.0, 210.0),
                s(n - 2.0, 160.0),
            ];
            pair(canvas, &fold, |canvas, shape, side| {
                canvas.fill(shape, cloth.shine);
                canvas.grain(
                    shape,
                    cloth.shade,
                    fade((side * 20.0, 280.0), (side * 60.0, 130.0), 0.9),
                );
            });
            canvas.within(&body, |canvas| folds(canvas, look));
            jewel(canvas, look, 284.0, 13.0);
        }
        Garment::Wrap => {
            let body = Shape::closed(&torso(look, 132.0));
            print(canvas, &body, cloth.base, cloth.shade);
            pattern(canvas, look, &body);
            canvas.fill(
                &Shape::polygon(&[(-n - 2.0, 126.0), (n + 2.0, 126.0), (4.0, 236.0)]),
                p.skin.base,
            );
            canvas.within(
                &Shape::polygon(&[(-n - 2.0, 126.0), (n + 2.0, 126.0), (4.0, 236.0)]),
                |canvas| {
                    canvas.grain(
                        &Shape::rect(-60.0, 120.0, 120.0, 120.0),
                        p.skin.shade,
                        fade((30.0, 130.0), (-20.0, 180.0), 0.9),
                    );
                },
            );
            let under = [s(n + 5.0, 124.0), s(24.0, 196.0), s(-20.0, 262.0)];
            canvas.fill(&Shape::taper(&under, 12.0, 16.0), p.paper);
            let right = [
                s(n + 15.0, 124.0),
                s(38.0, 196.0),
                s(-24.0, 290.0),
                s(-80.0, 380.0),
            ];
            canvas.fill(&Shape::taper(&right, 19.0, 26.0), p.lining);
            let left_under = [
                s(-n - 4.0, 124.0),
                s(-22.0, 190.0),
                s(20.0, 256.0),
                s(60.0, 320.0),
            ];
            canvas.fill(&Shape::taper(&left_under, 12.0, 16.0), p.paper);
            let left = [
                s(-n - 14.0, 124.0),
                s(-36.0, 192.0),
                s(14.0, 282.0),
                s(84.0, 390.0),
            ];
            canvas.fill(&Shape::taper(&left, 20.0, 28.0), p.lining);
            canvas.fill(
                &Shape::polygon(&[
                    (-190.0, 352.0),
                    (190.0, 352.0),
                    (190.0, FLOOR),
                    (-190.0, FLOOR),
                ]),
                p.trim,
            );
        }
        Garment::Uniform => {
            let body = Shape::closed(&torso(look, 136.0));
            print(canvas, &body, cloth.base, cloth.shade);
            let collar = mirror(&[
                c(0.0, 134.0),
                c(n + 3.0, 108.0),
                c(n + 13.0, 148.0),
                c(0.0, 178.0),
            ]);
            canvas.fill(&Shape::closed(&collar), cloth.shade);
            canvas.trace(
                &Shape::open(&[c(-n - 3.0, 109.0), c(0.0, 135.0), c(n + 3.0, 109.0)]),
                3.0,
                p.trim,
                1.0,
            );
            canvas.trace(
                &Shape::line(&[(0.0, 176.0), (0.0, FLOOR)]),
                2.2,
                cloth.shade.darker(0.05),
                1.0,
            );
            for i in 0..4 {
                let y = 206.0 + 40.0 * f64::from(i);
                for x in [-26.0, 26.0] {
                    canvas.fill(&Shape::circle(x, y, 5.6), p.trim);
                    canvas.fill(&Shape::circle(x - 1.5, y - 1.5, 2.0), p.trim.lighter(0.12));
                }
                canvas.trace(&Shape::line(&[(-26.0, y), (26.0, y)]), 1.8, p.trim, 0.8);
            }
            let sh = look.head.shoulder;
            let board = [
                c(sh * 0.55, 166.0),
                s(sh * 0.85, 176.0),
                s(sh + 10.0, 204.0),
                s(sh + 4.0, 222.0),
                c(sh * 0.62, 186.0),
            ];
            pair(canvas, &board, |canvas, shape, _| {
                canvas.fill(shape, p.trim);
                canvas.grain(
                    shape,
                    p.trim.darker(0.12),
                    fade((130.0, 220.0), (40.0, 160.0), 0.7),
                );
            });
            canvas.fill(
                &Shape::taper(
                    &[
                        s(-sh * 0.72, 190.0),
                        s(-30.0, 260.0),
                        s(40.0, 340.0),
                        s(90.0, 400.0),
                    ],
                    13.0,
                    15.0,
                ),
                p.lining,
            );
        }
        Garment::Armour => armour(canvas, look),
        Garment::Jacket => {
            let body = Shape::closed(&torso(look, 138.0));
            print(canvas, &body, cloth.base, cloth.shade);
            let tee = mirror(&[
                s(0.0, 150.0),
                c(n + 6.0, 132.0),
                s(44.0, 190.0),
                c(30.0, 330.0),
                c(30.0, FLOOR),
                c(0.0, FLOOR),
            ]);
            let tee = Shape::closed(&tee);
            canvas.fill(&tee, p.lining);
            canvas.grain(
                &tee,
                p.lining.darker(0.12),
                fade((40.0, 300.0), (-30.0, 160.0), 0.7),
            );
            canvas.trace(
                &Shape::open(&[s(-n - 4.0, 134.0), s(0.0, 154.0), s(n + 4.0, 134.0)]),
                3.4,
                p.lining.darker(0.10),
                1.0,
            );
            let lapel = [
                c(n + 3.0, 112.0),
                s(n + 30.0, 134.0),
                c(92.0, 176.0),
                c(66.0, 206.0),
                c(76.0, 222.0),
                c(31.0, 334.0),
                c(28.0, 210.0),
                s(n + 4.0, 160.0),
            ];
            pair(canvas, &lapel, |canvas, shape, side| {
                canvas.fill(shape, cloth.shine);
                canvas.grain(
                    shape,
                    cloth.shade,
                    fade((side * 30.0, 310.0), (side * 80.0, 130.0), 0.8),
                );
            });
            pair(
                canvas,
                &[
                    c(28.0, 330.0),
                    c(33.0, 330.0),
                    c(33.0, FLOOR),
                    c(28.0, FLOOR),
                ],
                |canvas, shape, _| {
                    canvas.fill(shape, p.trim);
                },
            );
        }
        Garment::Neckline => {
            let sh = look.head.shoulder;
            let dress = mirror(&[
                s(0.0, 214.0),
                s(34.0, 204.0),
                s(66.0, 180.0),
                c(78.0, 158.0),
                s(sh * 0.80, 172.0),
                s(sh + 4.0, 202.0),
                s(sh + 28.0, 268.0),
                c(sh + 45.0, FLOOR),
                c(0.0, FLOOR),
            ]);
            let skin = Shape::closed(&torso(look, 132.0));
            canvas.within(&skin, |canvas| {
                canvas.grain(
                    &Shape::rect(0.0, 150.0, 160.0, 140.0),
                    p.skin.shade,
                    fade((110.0, 240.0), (10.0, 170.0), 0.8),
                );
            });
            let dress_shape = Shape::closed(&dress);
            print(canvas, &dress_shape, cloth.base, cloth.shade);
            canvas.within(&dress_shape, |canvas| folds(canvas, look));
            canvas.trace(
                &Shape::open(&[
                    c(-78.0, 158.0),
                    s(-66.0, 180.0),
                    s(-34.0, 204.0),
                    s(0.0, 214.0),
                    s(34.0, 204.0),
                    s(66.0, 180.0),
                    c(78.0, 158.0),
                ]),
                4.0,
                p.trim,
                1.0,
            );
        }
        Garment::Bodysuit => bodysuit(canvas, look),
        Garment::Tunic => {
            let body = Shape::closed(&torso(look, 136.0));
            print(canvas, &body, cloth.base, cloth.shade);
            canvas.within(&body, |canvas| folds(canvas, look));
            let open = Shape::polygon(&[(-n - 4.0, 128.0), (n + 4.0, 128.0), (0.0, 244.0)]);
            canvas.fill(&open, p.skin.base);
            canvas.within(&open, |canvas| {
                canvas.grain(
                    &Shape::rect(-60.0, 120.0, 120.0, 130.0),
                    p.skin.shade,
                    fade((34.0, 130.0), (-24.0, 190.0), 1.0),
                );
            });
            let band = [
                c(n + 1.0, 122.0),
                s(n + 12.0, 132.0),
                c(6.0, 256.0),
                c(-3.0, 246.0),
            ];
            pair(canvas, &band, |canvas, shape, _| {
                canvas.fill(shape, p.lining);
            });
            for i in 0..3 {
                let y = 176.0 + 21.0 * f64::from(i);
                let x = (244.0 - y) * 0.27;
                canvas.trace(
                    &Shape::line(&[(-x - 5.0, y), (x + 5.0, y + 14.0)]),
                    2.6,
                    p.trim,
                    1.0,
                );
                canvas.trace(
                    &Shape::line(&[(x + 5.0, y), (-x - 5.0, y + 14.0)]),
                    2.6,
                    p.trim,
                    1.0,
                );
            }
            let strap = [
                s(-look.head.shoulder * 0.62, 172.0),
                s(-30.0, 270.0),
                s(60.0, 400.0),
            ];
            canvas.fill(&Shape::taper(&strap, 15.0, 17.0), cloth.shade.darker(0.10));
            canvas.fill(&Shape::rect(-26.0, 268.0, 18.0, 18.0), p.trim);
        }
    }
}

fn folds(canvas: &mut Canvas, look: &Look) {
    let shade = look.palette.cloth.shade;
    let sh = look.head.shoulder;
    for side in [-1.0, 1.0] {
        let arm = [
            s(side * sh * 0.82, 262.0),
            s(side * sh * 0.80, 320.0),
            s(side * sh * 0.84, FLOOR),
        ];
        canvas.fill(&Shape::taper(&arm, 1.0, 7.0), shade.darker(0.02));
    }
    canvas.fill(
        &Shape::taper(&[s(20.0, 300.0), s(44.0, 350.0), s(52.0, FLOOR)], 1.0, 6.0),
        shade,
    );
}

fn jewel(canvas: &mut Canvas, look: &Look, y: f64, r: f64) {
    let p = &look.palette;
    canvas.fill(&Shape::circle(0.0, y, r), p.trim);
    canvas.fill(&Shape::circle(0.0, y, r * 0.68), p.iris.darker(0.08));
    canvas.fill(&Shape::circle(-r * 0.2, y - r * 0.22, r * 0.22), p.paper);
}

fn pattern(canvas: &mut Canvas, look: &Look, body: &Shape) {
    let p = &look.palette;
    let mut dice = look.dice("pattern");
    let round = dice.chance(0.5);
    canvas.within(body, |canvas| {
        for row in 0..5 {
            for column in 0..7 {
                let x = -156.0 + 52.0 * f64::from(column) + if row % 2 == 0 { 0.0 } else { 26.0 };
                let y = 178.0 + 50.0 * f64::from(row);
                if round {
                    for r in [17.0, 11.0, 5.0] {
                        canvas.trace(&Shape::circle(x, y, r), 2.0, p.cloth.shine, 1.0);
                    }
                } else {
                    for i in 0..5 {
                        let (sin, cos) = (f64::from(i) * 72.0_f64).to_radians().sin_cos();
                        canvas.fill(
                            &Shape::circle(x + 6.5 * sin, y - 6.5 * cos, 4.6),
                            p.cloth.shine,
                        );
                    }
                    canvas.fill(&Shape::circle(x, y, 2.6), p.trim);
                }
            }
        }
    });
}
