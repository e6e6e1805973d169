use std::fs;

use crate::ground::Ground;

#[test]
fn files_are_written_in_one_layout_once() {
    let ground = Ground::new();
    ground.poort(&["format"]).is(0, &["written"]);
    ground.poort(&["format", "--check"]).is(0, &[]);
    ground.poort(&["format"]).is(0, &["0 files written"]);
    // The policies are the same ones.
    ground.poort(&["test", "--least", "100"]).is(0, &["77 tests, 0 failed"]);
    ground.write(
        "access/x.cedar",
        "// kept\n@id(\"x\")permit(principal,action,resource)when{context has case};\n",
    );
    ground.poort(&["format", "--check"]).is(1, &["policies/access/x.cedar: not in the layout"]);
    ground.poort(&["format"]).is(0, &["1 file written"]);
    let text = fs::read_to_string(ground.path("policies/access/x.cedar")).unwrap();
    assert_eq!(
        text,
        "// kept\n@id(\"x\")\npermit (principal, action, resource)\nwhen { context has case };\n"
    );
}

#[test]
fn nothing_is_written_where_a_file_does_not_parse() {
    let ground = Ground::new();
    ground.write("access/x.cedar", "@id(\"x\")permit(principal,action,resource);\n");
    ground.write("access/y.cedar", "permit(principal,action);\n");
    ground.poort(&["format"]).is(2, &["policies/access/y.cedar:1:24", "1 fault to mend"]);
    let text = fs::read_to_string(ground.path("policies/access/x.cedar")).unwrap();
    assert!(text.starts_with("@id(\"x\")permit("), "{text}");
}
