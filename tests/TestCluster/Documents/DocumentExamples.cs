using System.Globalization;
using System.Text;
using Xunit;

namespace TestCluster;

/// <summary>Runs all examples of a document, in their order and in one shell, and compares what they print with what the document shows.</summary>
public static class DocumentExamples
{
    /// <param name="document">Below the checkout.</param>
    /// <param name="replacements">What stands in the document, and what to run in its place: addresses.</param>
    public static async Task AllHoldAsync(
        string document, string workingFolder, IEnumerable<(string Text, string By)> replacements, TimeSpan limit, IReadOnlyDictionary<string, string?>? environment = null)
    {
        var text = await File.ReadAllTextAsync(Path.Combine(Checkout.Root, document));
        var examples = ConsoleExample.In(replacements.Aggregate(text, (so, each) => so.Replace(each.Text, each.By, StringComparison.Ordinal)));
        Assert.NotEmpty(examples);
        var printed = await RunAsync(examples, workingFolder, limit, environment);
        Assert.Empty(examples.Zip(printed).Where(each => each.Second is null || !ShownOutput.Fits(each.First.Shown, each.Second)).Select(each =>
            $"{document}, line {each.First.Line}:\n$ {each.First.Command}\nThe document shows:\n{each.First.Shown}\nIt printed:\n{each.Second ?? "(it did not run to its end)"}\n"));
    }

    /// <returns>Of each example; null: it did not end, and neither did those behind it.</returns>
    private static async Task<IReadOnlyList<string?>> RunAsync(
        IReadOnlyList<ConsoleExample> examples, string workingFolder, TimeSpan limit, IReadOnlyDictionary<string, string?>? environment)
    {
        var folder = TemporaryFolder.NewPath("examples");
        Directory.CreateDirectory(folder);
        var script = new StringBuilder("set -u\n");
        foreach (var (index, example) in examples.Index())
            script.Append(CultureInfo.InvariantCulture, $"{{\n{example.Command}\n}} >{folder}/{index}.part 2>&1 </dev/null\nmv {folder}/{index}.part {folder}/{index}\n");
        await File.WriteAllTextAsync(Path.Combine(folder, "script"), script.ToString());

        await using (var shell = ChildProcess.Start("bash", [Path.Combine(folder, "script")], environment: environment, workingFolder: workingFolder))
            await shell.WaitForExitAsync(limit);
        return [.. examples.Index().Select(each => Path.Combine(folder, each.Index.ToString(CultureInfo.InvariantCulture))).Select(file => File.Exists(file) ? File.ReadAllText(file) : null)];
    }
}
