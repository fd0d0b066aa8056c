using System.CommandLine;
using System.Globalization;
using LoadTests.Engine;

namespace LoadTests.Benches;

/// <summary>The command of one bench: its name, the options for the duration, and its own options.</summary>
internal static class BenchCommand
{
    public static Command Of(IBench bench, RunBench run)
    {
        var arguments = new BenchArguments(bench);
        var command = new Command(bench.Name, bench.Description);
        foreach (var option in arguments.Options)
            command.Add(option);
        command.SetAction((parsed, interrupt) => run(bench, arguments.Read(parsed), arguments.EngineOf(parsed), interrupt));
        return command;
    }

    /// <summary>The message for an option that the command does not have: "move has --pairs, --rows, --rate".</summary>
    public static string OptionsOf(Command command) => $"{command.Name} has {string.Join(", ", command.Options.Where(option => !option.Hidden).Select(option => option.Name))}";

    public static Option<string> Engine()
    {
        var engine = new Option<string>("--engine") { Description = Engines.Description, DefaultValueFactory = _ => Engines.BuiltIn };
        engine.AcceptOnlyFromAmong(Engines.Names);
        return engine;
    }

    public static Option<int> AtLeastOne(string name, string description, int otherwise) => new(name)
    {
        Description = description,
        DefaultValueFactory = _ => otherwise,
        CustomParser = result =>
        {
            if (int.TryParse(result.Tokens[0].Value, CultureInfo.InvariantCulture, out var number) && number >= 1)
                return number;
            result.AddError($"{name} must be a whole number, at least 1.");
            return otherwise;
        },
    };
}
