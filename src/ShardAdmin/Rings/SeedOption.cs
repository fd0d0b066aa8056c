using System.CommandLine;
using ShardCore.Ring;

namespace ShardAdmin.Rings;

/// <summary>The option --seed: a shard that is asked for the list of shards.</summary>
internal static class SeedOption
{
    public static Option<string[]> New(string description)
    {
        var option = new Option<string[]>("--seed")
        {
            Description = description,
            HelpName = "HOST:PORT/DATABASE",
            DefaultValueFactory = _ => [],
        };
        option.Validators.Add(result =>
        {
            foreach (var token in result.Tokens.Where(token => ShardAddress.TryParse(token.Value) is null))
                result.AddError($"--seed takes {ShardAddress.Form}, not '{token.Value}'.");
        });
        return option;
    }
}
