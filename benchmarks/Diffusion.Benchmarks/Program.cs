using System.CommandLine;
using Diffusion.Benchmarks;

RootCommand root = new("Measures what the library promises.");
root.Subcommands.Add(UpdateCommand.Create());
return root.Parse(args).Invoke();
