// A compiler at work: TypeScript checks a program and keeps its trees, symbols and types.
'use strict';
const ts = require('typescript');
let program;
exports.run = async () => {
  const text = `
    interface Shape { area(): number; name: string }
    class Circle implements Shape { constructor(private r: number) {} name = 'circle'; area() { return Math.PI * this.r ** 2; } }
    class Square implements Shape { constructor(private a: number) {} name = 'square'; area() { return this.a * this.a; } }
    type Named<T> = { [K in keyof T]: T[K] extends number ? string : T[K] };
    export function total(shapes: Shape[]): number { return shapes.reduce((sum, s) => sum + s.area(), 0); }
    export const all: Named<{a: number, b: Shape}>[] = [{a: '1', b: new Circle(2)}, {a: '2', b: new Square(3)}];`;
  const options = {noEmit: true, strict: true, target: ts.ScriptTarget.ES2020, lib: ['lib.es5.d.ts']};
  const host = ts.createCompilerHost(options), original = host.getSourceFile;
  host.getSourceFile = (name, ...rest) => name === 'main.ts' ? ts.createSourceFile(name, text, options.target, true) : original.call(host, name, ...rest);
  program = ts.createProgram(['main.ts'], options, host);
  if (ts.getPreEmitDiagnostics(program).length > 100) throw new Error('the compiler did not run');
};
exports.finish = () => program.getSourceFiles().length;
