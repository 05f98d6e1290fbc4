/*
 * conform: values of every type of Rust in every place an argument or a result
 * may have.
 *
 * Truth: started with the argument "values" it calls each of its functions
 * with values that a wrong width, sign, register or offset would betray, and
 * prints for each expression that can be asked there
 *   value FUNCTION: EXPRESSION = VALUE
 * from its own variables; VALUE is JSON. A function that is called n times has
 * n lines for an expression, in the order of the calls. Without the argument
 * it does the same but for the lines.
 * Prints:
 *   calls cells = 1443
 */
#[path = "../protocol.rs"]
mod protocol;

#[macro_use]
mod cells;
mod enums;
mod expressions;
mod memory;
mod methods;
mod scalars;
mod structs;

fn main() {
    cells::choose();
    protocol::ready();
    scalars::all();
    memory::all();
    structs::all();
    enums::all();
    methods::all();
    expressions::all();
    protocol::calls("cells", cells::count());
    protocol::done();
}
