using FsCheck;
using FsCheck.Fluent;

namespace ShardCore.Tests;

/// <summary>Runs a property on generated values. A failure prints the value and the seed that repeats it.</summary>
internal static class Property
{
    public static void HoldsFor<T>(Gen<T> values, int tests, Action<T> check) =>
        Prop.ForAll(values.ToArbitrary(), check).Check(Config.QuickThrowOnFailure.WithMaxTest(tests).WithQuietOnSuccess(true));
}
