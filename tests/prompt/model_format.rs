//! The chat templates of models as formats.

use assert_cmd::Command;
use cardwright::prompt::chat_template::Tokens;
use cardwright::prompt::{Format, Role};
use cardwright::weights::tiny;

use super::CHATML;

/// The two take turns, the user first, and what the system says belongs to the first of them.
const TURNS: &str = "{{ bos_token }}{% if messages[0].role == 'system' %}{{ raise_exception('no system here') }}{% endif %}{% for m in messages %}{% if (m.role == 'user') != (loop.index0 % 2 == 0) %}{{ raise_exception('roles must alternate') }}{% endif %}[{{ m.role }}] {{ m.content | trim }}\n{% endfor %}{% if add_generation_prompt %}[assistant]{% endif %}";
/// Drops every message of the system without a word.
const SILENT: &str = "{% for m in messages %}{% if m.role != 'system' %}[{{ m.role }}] {{ m.content }}\n{% endif %}{% endfor %}";

fn format(template: &str) -> Format {
    let tokens = Tokens {
        begin: "<s>",
        end: "</s>",
    };
    Format::of_chat_template("model", template, tokens)
}

#[test]
fn messages_take_the_shape_that_a_template_takes() {
    let conversation = super::museum(Some(Role::Char));
    let mut shown = String::new();
    for (name, template) in [("chatml", CHATML), ("turns", TURNS), ("silent", SILENT)] {
        let prompt = format(template).render(&conversation).unwrap();
        shown.push_str(&format!("== {name}\n{prompt}\n"));
    }
    insta::assert_snapshot!(shown);
}

#[test]
fn a_template_is_only_written() {
    let format = format(CHATML);
    assert!(!format.reads_back());
    assert!(format.has_special_tokens());
    assert!(format.parse("<|im_start|>user").conversation.is_none());
    assert!(format.presets(None).is_err());
    let conversation = super::museum(Some(Role::Char));
    assert_eq!(format.stop_strings(&conversation), ["</s>", "\nAnn:"]);
    let finished = format.render(&super::museum(None)).unwrap();
    assert!(finished.ends_with("Ann asked.<|im_end|>\n"), "{finished}");
}

#[test]
fn a_template_that_refuses_everything_says_why() {
    let error = format("{{ raise_exception('not today') }}")
        .render(&super::museum(Some(Role::Char)))
        .unwrap_err();
    assert!(error.to_string().contains("not today"), "{error}");
}

/// The template comes from the head of the file; no weights are read.
#[test]
fn the_command_takes_the_template_of_a_model_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tiny.gguf");
    let run = |model: &std::path::Path| {
        let output = Command::cargo_bin("cardwright")
            .unwrap()
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .args([
                "prompt",
                "render",
                "cards/pell.png",
                "--format",
                "model",
                "--message",
                "Hello.",
                "--model",
            ])
            .arg(model)
            .output()
            .unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        (
            output.status.code().unwrap(),
            text(output.stdout),
            text(output.stderr),
        )
    };
    let model = tiny::Model::default();
    model.write(&path).unwrap();
    let (code, _, said) = run(&path);
    assert!(
        code == 2 && said.contains("the model has no chat template"),
        "{said}"
    );
    let model = tiny::Model {
        chat_template: Some(CHATML),
        ..model
    };
    model.write(&path).unwrap();
    let (code, prompt, said) = run(&path);
    assert_eq!(code, 0, "{said}");
    assert!(
        prompt.starts_with("<|im_start|>system\nPell's Persona: "),
        "{prompt}"
    );
    assert!(
        prompt.ends_with("\nHello.<|im_end|>\n<|im_start|>assistant\n"),
        "{prompt}"
    );
}
