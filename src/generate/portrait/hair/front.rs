//! What frames the face.

use super::super::canvas::{Canvas, fade};
use super::super::look::Look;
use super::super::palette::Tones;
use super::super::shape::{Knot, Shape, c, flip, mirror, s};
use super::super::traits::{Cut, Extra};
use super::{curl_marks, mass, shine, wide};

/// What frames the face.
pub(in super::super) fn front(canvas: &mut Canvas, look: &Look) {
    if look.has(Extra::Hood) {
        return strands_under_hood(canvas, look);
    }
    let hair = look.palette.hair;
    match look.cut {
        Cut::Bald => {
            let band = [s(-40.0, -78.0), s(-26.0, -94.0), s(-4.0, -100.0)];
            canvas.fill(
                &Shape::taper(&look.head.turned(&band), 8.0, 2.0),
                look.palette.skin.shine,
            );
        }
        Cut::Cropped | Cut::Mohawk => {
            let knots = [
                c(-66.0, 8.0),
                s(-70.0, -45.0),
                s(-54.0, -98.0),
                s(0.0, -116.0),
                s(54.0, -98.0),
                s(70.0, -45.0),
                c(66.0, 8.0),
                c(59.0, -10.0),
                s(57.0, -42.0),
                c(47.0, -66.0),
                s(20.0, -75.0),
                s(-20.0, -75.0),
                c(-47.0, -66.0),
                s(-57.0, -42.0),
                c(-59.0, -10.0),
            ];
            let shape = look.head.front(&wide(look, &knots));
            canvas.fill(
                &shape,
                if look.cut == Cut::Mohawk {
                    hair.shade.mix(look.palette.skin.base, 0.45)
                } else {
                    hair.base
                },
            );
            canvas.grain(&shape, hair.shade, fade((0.0, -60.0), (0.0, -140.0), 0.8));
            if look.cut == Cut::Cropped {
                canvas.within(&shape, |canvas| shine(canvas, look));
            } else {
                let crest = [
                    c(-26.0, -70.0),
                    s(-42.0, -112.0),
                    c(-40.0, -150.0),
                    s(-22.0, -142.0),
                    c(-6.0, -178.0),
                    s(10.0, -150.0),
                    c(40.0, -168.0),
                    s(42.0, -120.0),
                    c(22.0, -66.0),
                    s(0.0, -58.0),
                ];
                mass(
                    canvas,
                    look,
                    &crest,
                    &[
                        vec![s(-12.0, -150.0), s(-14.0, -100.0), s(-8.0, -70.0)],
                        vec![s(16.0, -146.0), s(14.0, -100.0), s(8.0, -70.0)],
                    ],
                );
            }
        }
        Cut::SidePart => {
            let side = [
                c(-32.0, -100.0),
                s(-60.0, -88.0),
                s(-73.0, -40.0),
                c(-67.0, 10.0),
                c(-60.0, -8.0),
                s(-57.0, -44.0),
                c(-40.0, -76.0),
            ];
            let sweep = [
                c(-34.0, -102.0),
                s(-14.0, -126.0),
                s(30.0, -126.0),
                s(68.0, -96.0),
                s(77.0, -42.0),
                c(68.0, 10.0),
                c(60.0, -8.0),
                s(60.0, -38.0),
                s(46.0, -64.0),
                s(10.0, -66.0),
                c(-40.0, -76.0),
            ];
            mass(canvas, look, &side, &[]);
            mass(
                canvas,
                look,
                &sweep,
                &[
                    vec![
                        s(-28.0, -96.0),
                        s(10.0, -100.0),
                        s(46.0, -84.0),
                        s(64.0, -46.0),
                    ],
                    vec![s(-34.0, -88.0), s(4.0, -86.0), s(40.0, -72.0)],
                ],
            );
        }
        Cut::Quiff => {
            let knots = [
                c(-66.0, 8.0),
                s(-72.0, -45.0),
                s(-66.0, -92.0),
                s(-52.0, -128.0),
                s(-8.0, -148.0),
                s(40.0, -144.0),
                c(72.0, -122.0),
                s(74.0, -45.0),
                c(66.0, 8.0),
                c(59.0, -12.0),
                s(57.0, -50.0),
                c(44.0, -78.0),
                s(6.0, -72.0),
                c(-44.0, -70.0),
                s(-57.0, -44.0),
                c(-60.0, -12.0),
            ];
            mass(
                canvas,
                look,
                &knots,
                &[
                    vec![
                        s(58.0, -118.0),
                        s(20.0, -122.0),
                        s(-22.0, -106.0),
                        s(-44.0, -76.0),
                    ],
                    vec![
                        s(52.0, -104.0),
                        s(22.0, -104.0),
                        s(-4.0, -92.0),
                        s(-20.0, -74.0),
                    ],
                    vec![s(-64.0, -80.0), s(-66.0, -50.0), s(-62.0, -20.0)],
                ],
            );
        }
        Cut::Slick => {
            let knots = [
                c(-65.0, 14.0),
                s(-71.0, -45.0),
                s(-56.0, -98.0),
                s(0.0, -119.0),
                s(56.0, -98.0),
                s(71.0, -45.0),
                c(65.0, 14.0),
                c(59.0, -12.0),
                s(55.0, -52.0),
                s(36.0, -80.0),
                c(0.0, -62.0),
                s(-36.0, -80.0),
                s(-55.0, -52.0),
                c(-59.0, -12.0),
            ];
            mass(
                canvas,
                look,
                &knots,
                &[
                    vec![s(-22.0, -112.0), s(-18.0, -92.0), s(-16.0, -72.0)],
                    vec![s(20.0, -112.0), s(18.0, -92.0), s(16.0, -72.0)],
                    vec![s(-52.0, -92.0), s(-48.0, -82.0), s(-44.0, -70.0)],
                    vec![s(52.0, -92.0), s(48.0, -82.0), s(44.0, -70.0)],
                ],
            );
        }
        Cut::Tousled => {
            let knots = [
                c(-63.0, 18.0),
                s(-69.0, -4.0),
                c(-84.0, 4.0),
                s(-74.0, -34.0),
                c(-92.0, -46.0),
                s(-72.0, -72.0),
                c(-86.0, -98.0),
                s(-56.0, -104.0),
                c(-56.0, -134.0),
                s(-28.0, -122.0),
                c(-10.0, -148.0),
                s(14.0, -126.0),
                c(42.0, -142.0),
                s(50.0, -112.0),
                c(80.0, -112.0),
                s(72.0, -78.0),
                c(92.0, -58.0),
                s(74.0, -36.0),
                c(84.0, -4.0),
                s(68.0, -4.0),
                c(63.0, 18.0),
                s(58.0, -14.0),
                c(54.0, -26.0),
                s(44.0, -58.0),
                c(36.0, -28.0),
                s(26.0, -62.0),
                c(6.0, -26.0),
                s(0.0, -64.0),
                c(-24.0, -30.0),
                s(-32.0, -60.0),
                c(-52.0, -24.0),
                s(-58.0, -14.0),
            ];
            mass(
                canvas,
                look,
                &knots,
                &[
                    vec![s(-4.0, -118.0), s(10.0, -88.0), s(8.0, -46.0)],
                    vec![s(20.0, -116.0), s(38.0, -86.0), s(38.0, -46.0)],
                    vec![s(-24.0, -114.0), s(-26.0, -84.0), s(-24.0, -48.0)],
                ],
            );
        }
        Cut::Afro => {
            let knots = mirror(&[
                s(0.0, -138.0),
                s(60.0, -122.0),
                s(96.0, -60.0),
                c(84.0, 4.0),
                c(62.0, -6.0),
                s(57.0, -42.0),
                s(38.0, -68.0),
                s(0.0, -76.0),
            ]);
            let shape = look.head.front(&knots);
            canvas.fill(&shape, hair.base);
            cloud_edge(canvas, look, hair);
        }
        Cut::Curls => {
            let mut dice = look.dice("curls");
            let mut places = Vec::new();
            for i in 0..11 {
                let angle = (-118.0 + 23.6 * f64::from(i)).to_radians();
                places.push((
                    72.0 * angle.sin(),
                    -34.0 - 78.0 * angle.cos(),
                    dice.range(21.0, 26.0),
                ));
            }
            for i in 0..6 {
                let x = -50.0 + 20.0 * f64::from(i);
                places.push((
                    x,
                    -86.0 + 0.006 * x * x + dice.range(-4.0, 4.0),
                    dice.range(17.0, 21.0),
                ));
            }
            for (x, y) in [(-72.0, 22.0), (74.0, 22.0), (-76.0, 58.0), (77.0, 58.0)] {
                places.push((x, y, dice.range(17.0, 22.0)));
            }
            for &(x, y, r) in &places {
                canvas.fill(&Shape::circle(look.head.across(x), y, r), hair.base);
            }
            for &(x, y, r) in &places {
                let x = look.head.across(x);
                let circle = Shape::circle(x, y, r);
                canvas.grain(
                    &circle,
                    hair.shade,
                    fade((x + r, y + r), (x - r * 0.4, y - r * 0.4), 0.9),
                );
                curl_marks(canvas, hair, &[(x, y, r * 0.55)]);
                if x < 0.0 && y < -40.0 {
                    canvas.trace(
                        &Shape::open(&[
                            s(x - r * 0.7, y - r * 0.2),
                            s(x - r * 0.3, y - r * 0.7),
                            s(x + r * 0.2, y - r * 0.75),
                        ]),
                        2.6,
                        hair.shine,
                        1.0,
                    );
                }
            }
        }
        Cut::Locs => {
            let knots = mirror(&[
                s(0.0, -122.0),
                s(56.0, -104.0),
                s(76.0, -46.0),
                s(80.0, 40.0),
                c(70.0, 74.0),
                s(63.0, 20.0),
                s(55.0, -40.0),
                s(34.0, -72.0),
                c(0.0, -92.0),
            ]);
            let mut strands = Vec::new();
            for i in 0..4 {
                let t = f64::from(i);
                for side in [-1.0, 1.0] {
                    strands.push(vec![
                        s(side * (4.0 + 3.0 * t), -112.0 + 2.0 * t),
                        s(side * (34.0 + 9.0 * t), -92.0 + 3.0 * t),
                        s(side * (56.0 + 5.0 * t), -44.0),
                        s(side * (62.0 + 4.0 * t), 20.0),
                    ]);
                }
            }
            mass(canvas, look, &knots, &strands);
        }
        Cut::Bob => {
            let right = [
                c(-22.0, -112.0),
                s(20.0, -126.0),
                s(64.0, -102.0),
                s(84.0, -42.0),
                s(88.0, 34.0),
                s(80.0, 84.0),
                c(52.0, 94.0),
                s(63.0, 56.0),
                s(62.0, 10.0),
                s(50.0, -34.0),
                s(14.0, -66.0),
                c(-24.0, -84.0),
            ];
            let left = [
                c(-18.0, -114.0),
                s(-58.0, -102.0),
                s(-82.0, -46.0),
                s(-88.0, 34.0),
                s(-80.0, 84.0),
                c(-52.0, 94.0),
                s(-63.0, 56.0),
                s(-63.0, 8.0),
                s(-56.0, -36.0),
                c(-26.0, -86.0),
            ];
            mass(
                canvas,
                look,
                &left,
                &[vec![
                    s(-30.0, -100.0),
                    s(-62.0, -60.0),
                    s(-74.0, 10.0),
                    s(-70.0, 70.0),
                ]],
            );
            mass(
                canvas,
                look,
                &right,
                &[
                    vec![
                        s(-14.0, -104.0),
                        s(34.0, -96.0),
                        s(66.0, -44.0),
                        s(76.0, 30.0),
                        s(66.0, 80.0),
                    ],
                    vec![s(-16.0, -96.0), s(24.0, -82.0), s(54.0, -42.0)],
                ],
            );
        }
        Cut::Pixie => {
            let knots = [
                c(-64.0, 24.0),
                s(-75.0, -40.0),
                s(-58.0, -104.0),
                s(0.0, -128.0),
                s(58.0, -106.0),
                s(77.0, -42.0),
                c(66.0, 30.0),
                s(60.0, 4.0),
                s(56.0, -30.0),
                c(38.0, -80.0),
                s(24.0, -52.0),
                s(-14.0, -32.0),
                c(-50.0, -22.0),
                s(-57.0, -12.0),
            ];
            mass(
                canvas,
                look,
                &knots,
                &[
                    vec![
                        s(38.0, -106.0),
                        s(24.0, -76.0),
                        s(-8.0, -50.0),
                        s(-36.0, -34.0),
                    ],
                    vec![
                        s(10.0, -112.0),
                        s(-8.0, -84.0),
                        s(-34.0, -58.0),
                        s(-54.0, -42.0),
                    ],
                    vec![s(52.0, -94.0), s(66.0, -50.0), s(64.0, 0.0)],
                ],
            );
        }
        Cut::Long | Cut::Wavy => {
            let wave = if look.cut == Cut::Wavy { 9.0 } else { 0.0 };
            let curtain = [
                c(-4.0, -116.0),
                s(50.0, -110.0),
                s(79.0 + wave * 0.4, -50.0),
                s(82.0 + wave, 10.0),
                s(80.0 - wave * 0.4, 50.0),
                s(92.0 + wave, 104.0),
                c(84.0, 168.0),
                s(66.0 + wave * 0.6, 110.0),
                s(64.0 - wave * 0.5, 56.0),
                s(63.0, 10.0),
                s(50.0, -42.0),
                c(-2.0, -92.0),
            ];
            let strands = [
                vec![
                    s(6.0, -106.0),
                    s(52.0, -78.0),
                    s(70.0, -20.0),
                    s(73.0, 50.0),
                    s(80.0, 130.0),
                ],
                vec![s(4.0, -98.0), s(40.0, -70.0), s(58.0, -26.0)],
            ];
            mass(
                canvas,
                look,
                &flip(&curtain),
                &strands
                    .iter()
                    .map(|strand| flip(strand))
                    .collect::<Vec<_>>(),
            );
            mass(canvas, look, &curtain, &strands);
        }
        Cut::Hime => {
            let knots = mirror(&[
                s(0.0, -124.0),
                s(58.0, -106.0),
                s(80.0, -42.0),
                s(82.0, 30.0),
                c(80.0, 84.0),
                c(58.0, 84.0),
                s(61.0, 30.0),
                c(58.0, -22.0),
                s(30.0, -31.0),
                s(0.0, -33.0),
            ]);
            let strands: Vec<Vec<Knot>> = [-44.0, -24.0, -4.0, 18.0, 40.0]
                .iter()
                .map(|&x| vec![s(x * 0.5, -112.0), s(x * 0.95, -80.0), s(x, -36.0)])
                .collect();
            mass(canvas, look, &knots, &strands);
        }
        Cut::Bun | Cut::Ponytail | Cut::Braid => {
            let knots = mirror(&[
                s(0.0, -120.0),
                s(56.0, -102.0),
                s(74.0, -44.0),
                c(65.0, 20.0),
                s(61.0, -16.0),
                s(53.0, -50.0),
                s(28.0, -71.0),
                c(0.0, -76.0),
            ]);
            let to = if look.cut == Cut::Ponytail {
                (-30.0, -112.0)
            } else {
                (0.0, -116.0)
            };
            let mut strands: Vec<Vec<Knot>> = [-56.0, -34.0, 34.0, 56.0]
                .iter()
                .map(|&x: &f64| {
                    vec![
                        s(to.0 + x * 0.2, to.1),
                        s(x * 0.75, -98.0),
                        s(x, -62.0 + (x.abs() - 34.0)),
                    ]
                })
                .collect();
            if look.cut == Cut::Braid {
                strands.push(vec![s(0.0, -118.0), s(0.0, -100.0), s(0.0, -86.0)]);
            }
            mass(canvas, look, &knots, &strands);
            // A loose lock at each temple keeps an updo from looking like a helmet.
            for side in [-1.0, 1.0] {
                let lock: Vec<Knot> = [(58.0, -40.0), (69.0, 0.0), (64.0, 38.0), (70.0, 64.0)]
                    .iter()
                    .map(|&(x, y)| s(side * x, y))
                    .collect();
                canvas.fill(
                    &Shape::taper(&look.head.turned(&wide(look, &lock)), 8.0, 1.5),
                    hair.base,
                );
            }
        }
    }
}

fn cloud_edge(canvas: &mut Canvas, look: &Look, hair: Tones) {
    let mut dice = look.dice("cloud edge");
    for i in 0..13 {
        let angle = (-112.0 + 18.7 * f64::from(i)).to_radians();
        let (x, y) = (92.0 * angle.sin(), -50.0 - 88.0 * angle.cos());
        canvas.fill(&Shape::circle(x, y, dice.range(20.0, 26.0)), hair.base);
    }
    let all = Shape::ellipse(0.0, -50.0, 116.0, 112.0);
    let ring = mirror(&[
        s(0.0, -164.0),
        s(80.0, -134.0),
        s(116.0, -50.0),
        c(86.0, 10.0),
        c(62.0, -6.0),
        s(57.0, -42.0),
        s(38.0, -68.0),
        s(0.0, -76.0),
    ]);
    canvas.within(&look.head.front(&ring), |canvas| {
        canvas.grain(&all, hair.shade, fade((100.0, 10.0), (-40.0, -110.0), 0.8));
        for _ in 0..26 {
            let angle = dice.range(-105.0, 105.0_f64).to_radians();
            let r = dice.range(76.0, 106.0);
            curl_marks(
                canvas,
                hair,
                &[(
                    r * angle.sin(),
                    -48.0 - r * 0.95 * angle.cos(),
                    dice.range(5.0, 8.0),
                )],
            );
        }
        for _ in 0..8 {
            let angle = dice.range(-80.0, -10.0_f64).to_radians();
            let r = dice.range(84.0, 104.0);
            let (x, y) = (r * angle.sin(), -48.0 - r * 0.95 * angle.cos());
            canvas.trace(
                &Shape::open(&[s(x - 5.0, y + 2.0), s(x, y - 4.0), s(x + 5.0, y - 2.0)]),
                2.4,
                hair.shine,
                1.0,
            );
        }
    });
}

fn strands_under_hood(canvas: &mut Canvas, look: &Look) {
    if look.cut == Cut::Bald {
        return;
    }
    let lock = [
        c(-8.0, -112.0),
        s(40.0, -100.0),
        s(66.0, -50.0),
        s(70.0, 30.0),
        c(64.0, 96.0),
        s(58.0, 30.0),
        s(50.0, -34.0),
        c(-10.0, -86.0),
    ];
    mass(canvas, look, &lock, &[]);
    mass(canvas, look, &flip(&lock), &[]);
}
