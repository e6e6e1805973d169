use super::ground::Ground;

#[test]
fn print() {
    let ground = Ground::new();
    println!("{:#?}", ground.load());
    println!("{:#?}", ground.warnings());
}
