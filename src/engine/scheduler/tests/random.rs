//! Requests that come and go at random.

use super::*;

#[derive(Debug, Clone)]
enum Act {
    Submit {
        prompt: String,
        tokens: usize,
        adapters: usize,
        bans: bool,
    },
    Step(usize),
    Cancel(usize),
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    // Few letters, so that prompts share beginnings.
    let submit = (
        "[ab]{0,30}[abc]{1,20}",
        1_usize..15,
        0_usize..3,
        any::<bool>(),
    )
        .prop_map(|(prompt, tokens, adapters, bans)| Act::Submit {
            prompt,
            tokens,
            adapters,
            bans,
        });
    let act = prop_oneof![
        3 => submit,
        3 => (1_usize..6).prop_map(Act::Step),
        1 => (0_usize..20).prop_map(Act::Cancel),
    ];
    prop::collection::vec(act, 1..60)
}

proptest! {
    #[test]
    fn whoever_comes_and_goes_everybody_else_gets_the_right_text(
        acts in acts(),
        slots in 1_usize..5,
        cells in 70_usize..300,
        (chunk, shared_chunk) in (1_usize..40, 1_usize..20),
        (partial, shares, loads, separate) in any::<(bool, bool, bool, bool)>(),
        shelf in prop_oneof![Just(0), 200_usize..2000],
    ) {
        const SETS: [&[f32]; 3] = [&[], &[1.0], &[0.5, 2.0]];
        let mut backend = Scripted::new(slots, cells);
        backend.limits = Limits { chunk, shared_chunk: shared_chunk.min(chunk), shares, separate, ..backend.limits };
        backend.partial = partial;
        backend.loads = loads;
        let mut stage = Stage::with_shelf(backend, shelf);
        let mut listening = Vec::new();
        for act in acts {
            match act {
                Act::Submit { prompt, tokens, adapters, bans } => {
                    // Letters that the model writes there, of which two are banned.
                    let plain = continuation(&prompt, tokens.max(6));
                    let bans: Vec<String> = bans.then(|| plain[3..5].to_owned()).into_iter().collect();
                    let mut request = Request { max_tokens: tokens, adapters: Some(SETS[adapters].to_vec()), ..Request::new(&*prompt) };
                    request.settings.banned_strings = bans.clone();
                    request.settings.banned_tokens = vec![0];
                    listening.push((stage.request(request), prompt, tokens, bans));
                }
                Act::Step(times) => (0..times).for_each(|_| stage.step()),
                Act::Cancel(at) if at < listening.len() => drop(listening.swap_remove(at)),
                Act::Cancel(_) => {}
            }
        }
        stage.finish();
        for (completion, prompt, tokens, bans) in listening {
            let (text, _) = completion.finish().unwrap();
            let bans: Vec<&str> = bans.iter().map(String::as_str).collect();
            prop_assert_eq!(text, continuation_without(&prompt, tokens, &bans));
        }
    }
}
